"""The first sync: what ends it, and that nothing and nobody can hold mining up for ever."""

import pytest

from quip.node.first_sync import FRUITLESS_S, PATIENCE_S, FirstSync, Progress, Verdict


def seen(*, expected: bool = True, joined: int = 0, resolved: bool = False, done: int = 0) -> Progress:
    return Progress(expected, joined, resolved, done)


@pytest.mark.parametrize(
    ("progress", "wanted"),
    [
        (seen(expected=False), Verdict.ALONE),
        (seen(), Verdict.WAIT_FOR_PEERS),
        (seen(joined=1), Verdict.WAIT_FOR_SYNC),
        (seen(joined=1, expected=False), Verdict.WAIT_FOR_SYNC),
        (seen(joined=1, resolved=True), Verdict.SYNCED),
    ],
)
def test_at_the_start(progress: Progress, wanted: Verdict) -> None:
    assert FirstSync(100.0).look(100.0, progress) is wanted
    assert wanted.over == (wanted in (Verdict.ALONE, Verdict.SYNCED))


def test_peers_that_do_not_answer_are_waited_for_a_minute() -> None:
    first = FirstSync(0.0)
    assert first.look(PATIENCE_S - 1, seen()) is Verdict.WAIT_FOR_PEERS
    assert first.look(PATIENCE_S, seen()) is Verdict.UNANSWERED


def test_a_sync_that_moves_is_waited_for_and_one_that_brings_nothing_is_not() -> None:
    first = FirstSync(0.0)
    for step in range(1, 10):
        assert first.look(step * (FRUITLESS_S - 1), seen(joined=1, done=step)) is Verdict.WAIT_FOR_SYNC
    last = 9 * (FRUITLESS_S - 1)
    assert first.look(last + FRUITLESS_S - 1, seen(joined=1, done=9)) is Verdict.WAIT_FOR_SYNC
    assert first.look(last + FRUITLESS_S, seen(joined=1, done=9)) is Verdict.FRUITLESS


def test_once_over_it_stays_over() -> None:
    first = FirstSync(0.0)
    assert first.look(0.0, seen(joined=1, resolved=True)) is Verdict.SYNCED
    assert first.look(9.0, seen(joined=2)) is Verdict.SYNCED
