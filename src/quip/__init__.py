"""Quip: a blockchain whose proof of work is annealing."""

__version__ = "0.1.0"
