"""L4: the ports of chain over the embedded store."""
