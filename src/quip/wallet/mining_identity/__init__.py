"""The key that signs blocks."""
