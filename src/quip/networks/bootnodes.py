"""Where a newcomer finds a network: addresses of nodes that are there when nobody else is known.

They are no part of the rules, and genesis does not commit to them: a list changes without a fork.
"""

from __future__ import annotations

import json
from importlib.resources import files


def shipped_bootnodes(network: str) -> tuple[str, ...]:
    """host:port of each, from `bootnodes/NETWORK.json`; none for a network that is not shipped."""
    listed = files("quip.networks").joinpath("bootnodes", f"{network}.json")
    if not listed.is_file():
        return ()
    return tuple(str(address) for address in json.loads(listed.read_text(encoding="utf-8")))
