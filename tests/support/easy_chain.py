"""The dev chain with an easier beginning: a few blocks a second for one thread, so that a test of seconds sees many."""

import json
from pathlib import Path

from support.places import ROOT

LEVEL = 1 << 16
EASIER = 3
"""Levels below dev's start: an eighth of the work."""
CHAIN_ID = 20_059


def easy_chain(directory: Path, easier: int = EASIER, chain_id: int = CHAIN_ID) -> str:
    """The path of its chain spec, for --genesis-config."""
    document = json.loads((ROOT / "genesis_block_dev.json").read_text(encoding="utf-8"))
    document["chain_id"] = chain_id
    document["difficulty"]["start"] -= easier * LEVEL
    file = directory / "easy.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)
