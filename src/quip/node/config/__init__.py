"""Flags, environment, TOML: one frozen value; and what lies where in a data directory."""
