"""Difficulty, proofs and fork choice."""
