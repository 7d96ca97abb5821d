"""Heavier branches: headers, seals and bodies from many peers."""
