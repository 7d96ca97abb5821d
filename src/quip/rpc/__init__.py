"""L5: JSON-RPC over HTTP."""
