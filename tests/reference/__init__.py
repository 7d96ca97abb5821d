"""Second implementations in plain Python, written from the published documents; used by tests only."""
