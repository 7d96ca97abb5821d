"""Retry tokens: good for one client, one connection id and a few seconds."""

import pytest

from quip.net.address import Address
from quip.net.limits import RETRY_TOKEN_S
from quip.net.quic.retry import RetryTokens

CLIENT, OTHER = Address("192.0.2.1", 4000), Address("192.0.2.2", 4000)
FIRST, RETRY = b"first-id", b"retry-id"
TOKENS = RetryTokens(b"k" * 32)
TOKEN = TOKENS.issue(CLIENT, FIRST, RETRY, 100.0)


def test_a_token_names_the_first_connection_id() -> None:
    assert TOKENS.check(TOKEN, CLIENT, RETRY, 100.0) == FIRST
    assert TOKENS.check(TOKEN, CLIENT, RETRY, 100.0 + RETRY_TOKEN_S - 0.01) == FIRST


@pytest.mark.parametrize("length", [8, 20])
def test_connection_ids_of_every_length(length: int) -> None:
    token = TOKENS.issue(CLIENT, b"i" * length, RETRY, 5.5)
    assert TOKENS.check(token, CLIENT, RETRY, 5.5) == b"i" * length


@pytest.mark.parametrize(
    ("token", "client", "retry", "now_s"),
    [
        (TOKEN, OTHER, RETRY, 100.0),
        (TOKEN, Address(CLIENT.host, 4001), RETRY, 100.0),
        (TOKEN, CLIENT, b"other-id", 100.0),
        (TOKEN, CLIENT, RETRY, 100.0 + RETRY_TOKEN_S + 0.01),
        (RetryTokens(b"x" * 32).issue(CLIENT, FIRST, RETRY, 100.0), CLIENT, RETRY, 100.0),
        (b"", CLIENT, RETRY, 100.0),
        (TOKEN[:-1], CLIENT, RETRY, 100.0),
        (TOKEN + b"\0", CLIENT, RETRY, 100.0),
        (b"\0" * 500, CLIENT, RETRY, 100.0),
    ],
)
def test_every_other_use_fails(token: bytes, client: Address, retry: bytes, now_s: float) -> None:
    assert TOKENS.check(token, client, retry, now_s) is None


def test_no_bit_can_be_changed() -> None:
    for bit in range(len(TOKEN) * 8):
        changed = bytearray(TOKEN)
        changed[bit // 8] ^= 1 << bit % 8
        assert TOKENS.check(bytes(changed), CLIENT, RETRY, 100.0) is None
