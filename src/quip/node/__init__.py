"""L6: configuration, clock, wiring, metrics, logs."""
