"""What people and programs are told of the network: peers as JSON, sums over peers that come and go, sync progress."""

from dataclasses import replace

import pytest

from quip.net.address import Address
from quip.net.link import Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import HeadClaim
from quip.node.network.stats import NetworkStats
from quip.node.process.metrics import Metrics

CLAIM = HeadClaim(b"\1" * 32, 7, 1 << 60)
PEER = PeerInfo(
    connection=3,
    address=Address("::1", 5),
    node_id=b"\2" * 32,
    purpose=Purpose.MANUAL,
    public=None,
    agent="quip/0.1.0",
    head=CLAIM,
    connected_at_unix_s=1_700_000_000,
    heartbeat_age_s=1.23,
    bytes_in=100,
    bytes_out=40,
    messages_in=9,
    blocks_first=2,
)
IDLE = SyncState(first_done=True, syncing=False, target=None, verified=5, imported=4, peers=1)
BUSY = replace(IDLE, syncing=True, target=CLAIM)


def test_a_peer_as_json() -> None:
    figures = NetworkStats()
    figures.refresh([PEER], IDLE, 0, 3)
    assert figures.peer_objects() == [
        {
            "address": "[::1]:5",
            "nodeId": "0x" + "02" * 32,
            "direction": "manual",
            "agent": "quip/0.1.0",
            "head": {"hash": "0x" + "01" * 32, "number": "0x7", "totalDifficulty": hex(1 << 60)},
            "connectedSince": 1_700_000_000,
            "lastHeartbeatAge": 1.2,
            "bytesIn": 100,
            "bytesOut": 40,
            "messagesIn": 9,
            "blocksFirst": 2,
        }
    ]
    assert (figures.address_of(3), figures.address_of(4)) == ("[::1]:5", None)


def test_bytes_add_up_over_peers_that_come_and_go() -> None:
    figures = NetworkStats()
    figures.refresh([PEER], IDLE, 0, 3)
    figures.refresh([replace(PEER, bytes_in=150)], IDLE, 0, 3)
    figures.refresh([], IDLE, 0, 3)
    figures.refresh([replace(PEER, connection=9, bytes_in=1, bytes_out=1)], IDLE, 0, 3)
    assert (figures.now.bytes_in, figures.now.bytes_out) == (151, 41)


@pytest.mark.parametrize(("state", "head", "wanted"), [(None, 0, None), (IDLE, 3, None), (BUSY, 5, (3, 5, 7)),
                                                       (BUSY, 9, (3, 9, 9))])  # fmt: skip
def test_how_far_a_sync_is(state: SyncState | None, head: int, wanted: tuple[int, int, int] | None) -> None:
    figures = NetworkStats()
    if state is not None:
        figures.refresh([], IDLE, 0, 3)
        figures.refresh([], state, 0, head)
    found = figures.syncing_object(head)
    blocks = found and tuple(int(found[name], 16) for name in ("startingBlock", "currentBlock", "highestBlock"))
    assert blocks == wanted
    if found:
        assert (found["verifiedSeals"], found["importedBlocks"]) == (5, 4)


def test_metrics() -> None:
    figures, counts = NetworkStats(), Metrics("0", "test")
    figures.refresh([PEER, replace(PEER, connection=4, purpose=Purpose.INBOUND)], BUSY, 2, 3)
    figures.note_bans(6)
    figures.measure(counts.network)
    value = counts.registry.get_sample_value
    assert [value("quip_peers", {"direction": name}) for name in ("manual", "inbound", "outbound")] == [1, 1, 0]
    assert value("quip_network_bytes", {"way": "in"}) == 200
    shown = ["quip_peers_awaited", "quip_bans", "quip_syncing", "quip_sync_target_height", "quip_sync_verified_seals"]
    assert [value(name) for name in shown] == [2, 6, 1, 7, 5]


def test_what_peers_may_know_of_the_counts() -> None:
    counts = Metrics("0", "test")
    counts.blocks.labels("connected").inc(3)
    counts.reorgs.inc()
    assert counts.public() == (("blocks connected", 3), ("reorgs", 1))
