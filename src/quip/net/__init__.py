"""L4: networking (comes with the network)."""
