"""L3: block tree, best tip, block template; declares the ports it needs."""
