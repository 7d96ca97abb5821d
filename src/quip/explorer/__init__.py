"""L5: web page over the public RPC only (comes later)."""
