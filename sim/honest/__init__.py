"""Nodes that keep the rules, and the chains they begin with."""
