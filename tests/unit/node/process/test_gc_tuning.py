"""The garbage collector's settings, in a process of its own: they are the process's."""

import subprocess
import sys

CODE = """
import gc
from quip.node.process.gc_tuning import FULL_EVERY_S, YOUNG, GcTuning
before = gc.get_threshold()
collector = GcTuning(0.0)
collector.settle()
assert gc.get_freeze_count() > 1_000, "what was there is set apart"
assert gc.get_threshold() == (YOUNG, *before[1:])
looks = []
gc.callbacks.append(lambda phase, info: looks.append((phase, info["generation"])))
cycle = []
cycle.append(cycle)
del cycle
collector.tick(FULL_EVERY_S - 1)
assert looks == []
collector.tick(FULL_EVERY_S)
assert looks == [("start", 2), ("stop", 2)], looks
collector.tick(FULL_EVERY_S + 1)
assert len(looks) == 2
"""


def test_it_sets_apart_what_is_there_and_looks_at_the_rest_now_and_then() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)
