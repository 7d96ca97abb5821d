"""L2: the law. Pure functions of (chain spec, parent chain, block) that raise."""
