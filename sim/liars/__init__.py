"""Peers that break the rules, one manner each."""
