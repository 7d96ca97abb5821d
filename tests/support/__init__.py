"""Real parts put together for tests: keys in memory, chains of the `test` network."""
