"""The user's home directory, which a service may not have: a uid without a passwd entry, and no HOME."""

import os
from pathlib import Path


def home() -> Path | None:
    """The home directory; None where there is none (an empty or relative HOME is none)."""
    if os.environ.get("HOME") == "":
        return None
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def quip_home() -> Path | None:
    """`~/.quip`, where default data directories, records and notes of running nodes lie; None without a home."""
    found = home()
    return None if found is None else found / ".quip"
