"""L7: the three programs."""
