"""Lines that strangers cause: written, left out, counted."""

import structlog

from quip.net.limits import LOG_LINES_AT_ONCE, LOG_LINES_PER_S
from quip.node.network.limited_log import LimitedLog


def test_lines_are_written_until_there_are_too_many_and_the_next_tells_how_many() -> None:
    now_s = [0.0]
    with structlog.testing.capture_logs() as lines:
        log = LimitedLog(clock=lambda: now_s[0])
        for number in range(LOG_LINES_AT_ONCE + 7):
            log.write("info", "peer refused", address=f"192.0.2.1:{number}")
        assert len(lines) == LOG_LINES_AT_ONCE
        assert lines[0] == {"log_level": "info", "event": "peer refused", "address": "192.0.2.1:0"}
        now_s[0] = 1 / LOG_LINES_PER_S
        log.write("warning", "peer refused", address="192.0.2.2:1")
    assert lines[-1] == {
        "log_level": "warning", "event": "peer refused", "address": "192.0.2.2:1", "unlogged": 7,
    }  # fmt: skip
