"""Many nodes in one thread from one seed: clock, network, disk, faults and oracle. Never shipped; `python -m sim`."""
