"""Where things lie in the repository, and beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
VECTORS = TESTS / "vectors"
OUTSIDE = ROOT.parent / "shared" / "vectors"
"""Test data of others, where there is any: tests that need it skip with a reason where it is absent."""
