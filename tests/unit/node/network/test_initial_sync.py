"""The first sync: what ends it, and that nothing and nobody can hold mining up for ever."""

from dataclasses import replace

import pytest

from quip.net.address import Address
from quip.net.link import Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import HeadClaim
from quip.node.network.initial_sync import FRUITLESS_S, PATIENCE_S, InitialSync, Progress, Readiness, progress_of


def seen(
    *, expected: bool = True, joined: int = 0, answered: bool = True, resolved: bool = False, done: int = 0
) -> Progress:
    return Progress(expected, joined, answered and bool(joined), resolved, done)


@pytest.mark.parametrize(
    ("progress", "wanted"),
    [
        (seen(expected=False), Readiness.ALONE),
        (seen(), Readiness.WAIT_FOR_PEERS),
        (seen(joined=1), Readiness.WAIT_FOR_SYNC),
        (seen(joined=1, expected=False), Readiness.WAIT_FOR_SYNC),
        (seen(joined=1, resolved=True), Readiness.SYNCED),
        (seen(joined=1, answered=False), Readiness.WAIT_FOR_SYNC),
        (seen(joined=1, answered=False, resolved=True), Readiness.WAIT_FOR_PEERS),
        (seen(joined=1, answered=False, resolved=True, expected=False), Readiness.SYNCED),
    ],
)
def test_at_the_start(progress: Progress, wanted: Readiness) -> None:
    assert InitialSync(100.0).look(100.0, progress) is wanted
    assert wanted.over == (wanted in (Readiness.ALONE, Readiness.SYNCED))


def test_peers_that_do_not_answer_are_waited_for_a_minute() -> None:
    first = InitialSync(0.0)
    assert first.look(PATIENCE_S - 1, seen()) is Readiness.WAIT_FOR_PEERS
    assert first.look(PATIENCE_S, seen()) is Readiness.UNANSWERED


def test_a_sync_that_moves_is_waited_for_and_one_that_brings_nothing_is_not() -> None:
    first = InitialSync(0.0)
    for step in range(1, 10):
        assert first.look(step * (FRUITLESS_S - 1), seen(joined=1, done=step)) is Readiness.WAIT_FOR_SYNC
    last = 9 * (FRUITLESS_S - 1)
    assert first.look(last + FRUITLESS_S - 1, seen(joined=1, done=9)) is Readiness.WAIT_FOR_SYNC
    assert first.look(last + FRUITLESS_S, seen(joined=1, done=9)) is Readiness.FRUITLESS


def test_a_stranger_is_not_the_answer_of_a_named_peer() -> None:
    """Whoever dials a node first cannot tell it that it is in sync; others are waited for, a minute."""
    first = InitialSync(0.0)
    assert first.look(PATIENCE_S - 1, seen(joined=3, answered=False, resolved=True)) is Readiness.WAIT_FOR_PEERS
    assert first.look(PATIENCE_S, seen(joined=3, answered=False, resolved=True)) is Readiness.UNANSWERED


@pytest.mark.parametrize("purpose", Purpose)
def test_progress_of_a_network(purpose: Purpose) -> None:
    """Claims that are open count, whatever was once; seals alone are no progress."""
    peer = PeerInfo(
        connection=1, address=Address("127.0.0.1", 1), node_id=bytes(32), purpose=purpose, public=None, agent="",
        head=HeadClaim(bytes(32), 0, 0), connected_at_unix_s=0, heartbeat_age_s=0.0, bytes_in=0, bytes_out=0,
        messages_in=0, blocks_first=0,
    )  # fmt: skip
    sync = SyncState(first_done=True, syncing=True, target=None, verified=5, imported=4, peers=1, claims=1)
    answered = purpose is not Purpose.INBOUND
    assert progress_of([peer], sync, expected=True) == Progress(True, 1, answered, False, 4)
    assert progress_of([peer], replace(sync, claims=0), expected=True).resolved


def test_once_over_it_stays_over() -> None:
    first = InitialSync(0.0)
    assert first.look(0.0, seen(joined=1, resolved=True)) is Readiness.SYNCED
    assert first.look(9.0, seen(joined=2)) is Readiness.SYNCED
