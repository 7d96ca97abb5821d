"""Unmodified clients of Ethereum against a node and against anvil: one script each, the same answers wanted."""
