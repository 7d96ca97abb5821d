"""The garbage collector's settings, in a process of its own: they are the process's."""

import subprocess
import sys

CODE = """
import gc
from quip.node import collector
before = gc.get_threshold()
collector.settle()
assert gc.get_freeze_count() > 1_000, "what was there is set apart"
assert gc.get_threshold() == (collector.YOUNG, *before[1:])
cycle = []
cycle.append(cycle)
del cycle
assert gc.collect() >= 1, "what comes later is still collected"
"""


def test_it_sets_apart_what_is_there_and_goes_on_collecting() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
