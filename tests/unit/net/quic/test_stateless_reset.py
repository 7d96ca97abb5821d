"""Tokens and resets as bytes."""

import pytest

from quip.net.quic.datagram import CID_BYTES
from quip.net.quic.stateless_reset import (
    LARGEST_RESET,
    SMALLEST_RESET,
    TOKEN_BYTES,
    ResetTokens,
    is_worth_a_reset,
    token_of,
)

TOKENS = ResetTokens(bytes(32))
CID = b"12345678"


def test_a_token_belongs_to_one_key_and_one_id() -> None:
    assert len(TOKENS.token(CID)) == TOKEN_BYTES
    assert TOKENS.token(CID) == ResetTokens(bytes(32)).token(CID)
    assert len({TOKENS.token(CID), TOKENS.token(CID[::-1]), ResetTokens(b"\1" * 32).token(CID)}) == 3


@pytest.mark.parametrize("size", [22, 23, 42, 43, 44, 1_200, 8_192])
def test_the_answer_is_a_shorter_short_packet_that_ends_with_the_token(size: int) -> None:
    datagram = b"\x47" + CID + bytes(size - 1 - CID_BYTES)
    answers = {TOKENS.answer(datagram) for _ in range(50)}
    assert len(answers) > 1 or size == 22
    for answer in answers:
        assert SMALLEST_RESET <= len(answer) <= min(size - 1, LARGEST_RESET)
        assert answer[0] & 0xC0 == 0x40  # RFC 8999: a short header; RFC 9000, 17.2: the fixed bit
        assert token_of(answer) == TOKENS.token(CID)


@pytest.mark.parametrize("datagram", [b"", b"\x40", b"\x40" * 21, b"\xc0" * 1_200, b"\x80" * 40])
def test_what_is_not_worth_a_reset(datagram: bytes) -> None:
    assert not is_worth_a_reset(datagram)


def test_two_that_know_nothing_fall_silent() -> None:
    datagram, rounds = b"\x40" * 8_192, 0
    while is_worth_a_reset(datagram):
        datagram, rounds = TOKENS.answer(datagram), rounds + 1
    assert rounds <= LARGEST_RESET - SMALLEST_RESET + 3


@pytest.mark.parametrize("datagram", [b"", b"\x40" * 20, b"\xc0" * 40])
def test_what_is_no_reset(datagram: bytes) -> None:
    assert token_of(datagram) == b""
