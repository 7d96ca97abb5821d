"""docs/protocol.md's section on the network says what the code does: messages, codes, errors, limits."""

import re

import pytest

from quip.net import errors, limits
from quip.net.errors import FrameError, NetError, RefusalCode, StreamCode
from quip.net.limits import SELF_RESTRAINT
from quip.net.overlay_config import PROTOCOL_VERSION
from quip.net.wire.codec import TABLE, Channel, Rule
from support.places import ROOT

PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
TEXT = PAGE[PAGE.index("## 15. The network") :]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]
STREAMS = {
    Channel.JOIN_REQUEST: "0, client",
    Channel.JOIN_RESPONSE: "0, server",
    Channel.PUSH: "push",
    Channel.REQUEST: "request",
    Channel.REPLY: "answer",
}


def rate_text(rule: Rule) -> str:
    if rule.rate is None:
        return "" if rule.channel is Channel.REPLY else "once"
    per = f"{rule.rate.per_s:g}/s" if rule.rate.per_s >= 1 else f"1/{1 / rule.rate.per_s:g} s"
    return f"{per}, {rule.rate.burst:g}"


def test_the_message_table_is_the_codes() -> None:
    written = [(row[0], row[1], row[3], row[4], row[5]) for row in ROWS if row[0].startswith("0x")]
    assert written == [
        (f"0x{rule.code:02x}", rule.name, f"{rule.max_bytes:,}", rate_text(rule), STREAMS[rule.channel])
        for rule in TABLE.values()
    ]


def test_the_join_codes_are_the_codes() -> None:
    assert [(row[0], row[1]) for row in ROWS if len(row) == 3 and row[0].isdigit() and row[1].isupper()] == [
        (str(int(code)), code.name) for code in RefusalCode
    ]
    assert f"this one is {PROTOCOL_VERSION}" in TEXT


def leaves(kind: type[NetError]) -> list[type[NetError]]:
    below = kind.__subclasses__()
    return [leaf for sub in below for leaf in leaves(sub)] if below else [kind]


def test_every_error_is_in_the_table_with_its_fault() -> None:
    begin = next(index for index, row in enumerate(ROWS) if row[0] == "error")
    written = {name: row[1] for row in ROWS[begin + 2 :] for name in row[0].split(", ")}
    assert written == {leaf.__name__: leaf.fault.value for leaf in leaves(NetError)}


def test_every_error_is_drawn_and_says_what_it_compared() -> None:
    drawn = set(re.findall(r"\w+", errors.__doc__ or ""))
    for leaf in leaves(NetError):
        assert leaf.__name__ in drawn
        fields = re.findall(r"{(\w+)", leaf.text)
        error = leaf("why", **{name: 7 for name in fields if name != "reason"})
        assert "{" not in str(error)
        assert error.values["reason"] == "why"
    assert issubclass(errors.FrameTooLarge, FrameError)


@pytest.mark.parametrize(
    "words",
    [
        f"at most {limits.JOIN_TIMEOUT_S:g} s on either side",
        f"every {limits.HEARTBEAT_INTERVAL_S:g} s (configurable, at least {limits.MIN_HEARTBEAT_INTERVAL_S:g} s)",
        f"no whole message came for {limits.HEARTBEAT_TIMEOUT_S:g} s",
        f"At most {limits.MAX_INBOUND_STREAMS} requests",
        f"whole within {limits.REQUEST_ARRIVAL_S:g} s",
        f"code {StreamCode.BUSY:d} (busy)",
        f"code {StreamCode.GIVEN_UP:d} (given up)",
        f"{limits.PATIENCE_MESSAGES} such are forgiven",
        f"within {limits.MAX_ANSWER_BYTES >> 20} MiB",
        f"more than {limits.SLOW_READER_BYTES >> 10} KiB unread",
        f"{limits.SLOW_READER_PROGRESS_BYTES >> 10} KiB every {limits.SLOW_READER_S:g} s",
        f"{limits.MAX_REQUESTS_IN_FLIGHT} in flight, and {limits.MAX_REPLY_BYTES_IN_FLIGHT >> 20} MiB",
        f"at most {limits.MAX_AGENT_CHARACTERS} characters",
        f"at most {limits.MAX_REASON_CHARACTERS} characters",
        f"1 to {limits.MAX_GOSSIP_CLAIMS}:",
        f"1 to {limits.MAX_TRANSACTION_CLAIMS:,}",
        f"1 to {limits.MAX_LOCATOR_HASHES} hashes",
        f"limit 1 to {limits.MAX_HEADERS}",
        f"1 to {limits.MAX_SEALS}",
        f"1 to {limits.MAX_TRANSACTIONS}",
        f"at most {limits.MAX_PEERS};",
        f"at most {limits.MAX_COUNTERS} counters, names of 1 to {limits.MAX_COUNTER_NAME_CHARACTERS}",
    ],
)
def test_the_limits_are_the_codes(words: str) -> None:
    assert words in " ".join(TEXT.split())


def test_our_own_share() -> None:
    assert SELF_RESTRAINT == 0.75
    assert "three quarters of these rates" in " ".join(TEXT.split())
