"""The first sync: what ends it, and that nothing and nobody can hold mining up for ever."""

from dataclasses import replace

import pytest

from quip.net.address import Address
from quip.net.link import Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.sync.sync import SyncState
from quip.net.wire.messages import HeadClaim
from quip.node.network.initial_sync import (
    FRUITLESS_S,
    KNOWN_PEERS_S,
    PATIENCE_S,
    InitialSync,
    Progress,
    Readiness,
    progress_of,
)


def seen(
    *, expected: bool = True, known: bool = False, joined: int = 0, answered: bool = True, resolved: bool = False,
    done: int = 0,
) -> Progress:  # fmt: skip
    return Progress(expected, known, joined, answered and bool(joined), resolved, done)


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
        (seen(expected=False, known=True), Readiness.WAIT_FOR_PEERS),
        (seen(expected=False, known=True, joined=1), Readiness.WAIT_FOR_SYNC),
        (seen(expected=False, known=True, joined=1, answered=False), Readiness.WAIT_FOR_SYNC),
        (seen(expected=False, known=True, joined=1, answered=False, resolved=True), Readiness.WAIT_FOR_PEERS),
        (seen(expected=False, known=True, joined=1, resolved=True), Readiness.SYNCED),
    ],
)
def test_at_the_start(progress: Progress, wanted: Readiness) -> None:
    assert InitialSync(100.0).judge(100.0, progress) is wanted
    assert wanted.over == (wanted in (Readiness.ALONE, Readiness.SYNCED))


def test_peers_that_do_not_answer_are_waited_for_a_minute() -> None:
    first = InitialSync(0.0)
    assert first.judge(PATIENCE_S - 1, seen()) is Readiness.WAIT_FOR_PEERS
    assert first.judge(PATIENCE_S, seen()) is Readiness.UNANSWERED


def test_peers_of_an_earlier_run_are_waited_for_a_while() -> None:
    """A restarted bootstrap names nobody, but has heard of those that dialled it."""
    first = InitialSync(0.0)
    assert first.judge(KNOWN_PEERS_S - 1, seen(expected=False, known=True)) is Readiness.WAIT_FOR_PEERS
    assert first.judge(KNOWN_PEERS_S, seen(expected=False, known=True)) is Readiness.UNANSWERED
    found = InitialSync(0.0)
    assert found.judge(1.0, seen(expected=False, known=True, joined=1)) is Readiness.WAIT_FOR_SYNC
    done = seen(expected=False, known=True, joined=1, resolved=True, done=10)
    assert found.judge(2.0, done) is Readiness.SYNCED
    assert found.fetched == 10
    strangers = InitialSync(0.0)
    inbound = seen(expected=False, known=True, joined=1, answered=False, resolved=True)
    assert strangers.judge(KNOWN_PEERS_S - 1, inbound) is Readiness.WAIT_FOR_PEERS
    assert strangers.judge(KNOWN_PEERS_S, inbound) is Readiness.SYNCED


def test_a_sync_that_moves_is_waited_for_and_one_that_brings_nothing_is_not() -> None:
    first = InitialSync(0.0)
    for step in range(1, 10):
        assert first.judge(step * (FRUITLESS_S - 1), seen(joined=1, done=step)) is Readiness.WAIT_FOR_SYNC
    last = 9 * (FRUITLESS_S - 1)
    assert first.judge(last + FRUITLESS_S - 1, seen(joined=1, done=9)) is Readiness.WAIT_FOR_SYNC
    assert first.judge(last + FRUITLESS_S, seen(joined=1, done=9)) is Readiness.FRUITLESS


def test_a_stranger_is_not_the_answer_of_a_named_peer() -> None:
    """Whoever dials a node first cannot tell it that it is in sync; others are waited for, a minute."""
    first = InitialSync(0.0)
    assert first.judge(PATIENCE_S - 1, seen(joined=3, answered=False, resolved=True)) is Readiness.WAIT_FOR_PEERS
    assert first.judge(PATIENCE_S, seen(joined=3, answered=False, resolved=True)) is Readiness.UNANSWERED


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
    assert progress_of([peer], sync, expected=True, known=False) == Progress(True, False, 1, answered, False, 4)
    assert progress_of([peer], replace(sync, claims=0), expected=True, known=True).resolved
    # Blocks are stored a moment before the head moves to them: then nobody claims more, and yet nothing is done.
    assert not progress_of([peer], replace(sync, claims=0, importing=True), expected=True, known=True).resolved


def test_once_over_it_stays_over() -> None:
    first = InitialSync(0.0)
    assert first.judge(0.0, seen(joined=1, resolved=True)) is Readiness.SYNCED
    assert first.judge(9.0, seen(joined=2)) is Readiness.SYNCED
