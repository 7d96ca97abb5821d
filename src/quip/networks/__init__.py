"""The networks that are shipped: their chain specs, by name or path."""
