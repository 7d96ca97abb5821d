"""Where things lie in the repository, and beside it."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
WITH_SIMULATION = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
"""The environment of a Python that imports `support` from the folder tests, and with it `sim`."""
VECTORS = TESTS / "vectors"
OUTSIDE = ROOT.parent / "shared" / "vectors"
"""Test data of others, where there is any: tests that need it skip with a reason where it is absent."""
