"""JSON-RPC over HTTP."""
