"""A signer that never uses a leaf twice."""
