"""L1: topology, model, energy, distance, baseline: the plain reference and the native front."""
