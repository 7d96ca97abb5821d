"""A developer's chain: blocks on demand, a clock that can be set, accounts whose keys everybody has."""
