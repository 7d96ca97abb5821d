"""How deep Python may recurse while it reads what comes from outside.

The standard library's JSON decoder recurses in C, once a bracket, and only Python's recursion limit stops it: with a
high limit "[[[[..." overflows the machine's stack and ends the process. py_ecc, which eth-keyfile imports, raises the
limit to 100,000.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

RECURSION_LIMIT = 1_000
"""Python's own default. No document of ours is a twentieth as deep."""


@contextmanager
def recursion_limit_kept() -> Iterator[None]:
    """Whatever is imported inside, the limit is afterwards what it was."""
    before = sys.getrecursionlimit()
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def bound_recursion() -> None:
    """Sets the limit back where somebody raised it. Cheap enough for every request."""
    if sys.getrecursionlimit() > RECURSION_LIMIT:
        sys.setrecursionlimit(RECURSION_LIMIT)
