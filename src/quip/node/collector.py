"""The cyclic garbage collector of a long-running node.

What is there once a node is wired (modules, classes, tables) stays until the end: it is set apart, so that a full
collection looks at what came later only. A new block makes a few hundred containers and no cycles, so young ones are
looked at in larger lots: by default a sync spends a tenth of its time here.
"""

import gc

YOUNG = 50_000
"""Containers made since the last look; some 10 MB."""


def settle() -> None:
    """Call once, when everything is there."""
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(YOUNG, middle, old)
