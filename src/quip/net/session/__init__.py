"""One connection: its streams, requests, pushes, limits."""
