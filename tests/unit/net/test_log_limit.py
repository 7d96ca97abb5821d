"""What strangers can cause is logged at a bounded rate, kind by kind, and what is left out is counted."""

from quip.net.limits import LOG_KINDS, LOG_LINES_AT_ONCE, LOG_LINES_PER_S
from quip.net.log_limit import LogLimit


def test_a_flood_is_cut_off_and_counted() -> None:
    limit = LogLimit()
    found = [limit.left_out("peer refused", 0.0) for _ in range(LOG_LINES_AT_ONCE + 500)]
    assert found[:LOG_LINES_AT_ONCE] == [0] * LOG_LINES_AT_ONCE
    assert found[LOG_LINES_AT_ONCE:] == [None] * 500
    assert limit.left_out("peer refused", 1 / LOG_LINES_PER_S) == 500
    assert limit.left_out("peer refused", 2 / LOG_LINES_PER_S) == 0


def test_one_kind_takes_nothing_from_another() -> None:
    limit = LogLimit()
    while limit.left_out("connection refused", 0.0) is not None:
        pass
    assert limit.left_out("peer banned", 0.0) == 0


def test_a_day_of_flooding_is_a_day_of_few_lines() -> None:
    limit = LogLimit()
    lines = sum(limit.left_out("peer refused", second) is not None for second in range(86_400))
    assert lines <= LOG_LINES_AT_ONCE + 86_400 * LOG_LINES_PER_S + 1


def test_kinds_are_bounded() -> None:
    limit = LogLimit()
    for number in range(3 * LOG_KINDS):
        assert limit.left_out(str(number), 0.0) == 0
    assert len(limit._buckets) <= LOG_KINDS
