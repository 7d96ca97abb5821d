"""The parts of tests/second_reader.py: plain Python, from docs/protocol.md and docs/protocol/signatures.md alone."""
