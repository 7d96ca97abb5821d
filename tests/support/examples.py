"""How many examples a random test tries: a few by default, TEST_FUZZ times as many in the long run."""

import os

from hypothesis import settings


def examples(count: int) -> settings:
    """Decorator: `count` examples, times $TEST_FUZZ."""
    return settings(max_examples=count * int(os.environ.get("TEST_FUZZ", "1")), deadline=None)
