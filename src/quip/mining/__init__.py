"""L4: samplers, the miner loop, calibration."""
