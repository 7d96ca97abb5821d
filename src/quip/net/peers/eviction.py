"""Which inbound peer makes room for a new one: the youngest of the fullest netgroup, with the useful ones protected."""

from __future__ import annotations

from collections import defaultdict

from quip.net.limits import (
    EVICTION_PROTECTED_GROUPS,
    EVICTION_PROTECTED_OLDEST,
    EVICTION_PROTECTED_PROVIDERS,
)
from quip.net.peers.peer_table import Peer


def victim(inbound: list[Peer]) -> Peer | None:
    """The inbound peer to close, None if every one is protected."""
    left = sorted(inbound, key=lambda peer: (peer.opened.monotonic_s, peer.connection))
    left = left[EVICTION_PROTECTED_OLDEST:]
    providers = sorted((peer for peer in left if peer.last_block_s), key=lambda peer: -peer.last_block_s)
    left = _without(left, providers[:EVICTION_PROTECTED_PROVIDERS])
    left = _without(left, _one_of_each_group(left)[:EVICTION_PROTECTED_GROUPS])
    groups: dict[str, list[Peer]] = defaultdict(list)
    for peer in left:
        groups[peer.group].append(peer)
    if not groups:
        return None
    fullest = max(groups.values(), key=lambda peers: (len(peers), peers[-1].opened.monotonic_s, peers[-1].connection))
    return fullest[-1]


def _one_of_each_group(peers: list[Peer]) -> list[Peer]:
    """The oldest of each netgroup, the smallest groups first."""
    groups: dict[str, list[Peer]] = defaultdict(list)
    for peer in peers:
        groups[peer.group].append(peer)
    ordered = sorted(groups.values(), key=lambda members: (len(members), members[0].opened.monotonic_s))
    return [members[0] for members in ordered]


def _without(peers: list[Peer], taken: list[Peer]) -> list[Peer]:
    return [peer for peer in peers if not any(peer is other for other in taken)]
