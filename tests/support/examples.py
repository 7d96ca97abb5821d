"""How many examples a random test tries: a few by default, QUIP_FUZZ times as many in the long run."""

import os

from hypothesis import settings


def examples(count: int) -> settings:
    """Decorator: `count` examples, times $QUIP_FUZZ."""
    return settings(max_examples=count * int(os.environ.get("QUIP_FUZZ", "1")), deadline=None)
