"""The words for the end of a connection."""

import pytest
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription

from quip.net.actions import CloseCode
from quip.net.quic import close_reasons
from quip.net.quic.close_reasons import own_end, peers_end


def test_every_code_of_quic_has_its_name() -> None:
    for code in set(QuicErrorCode) - {QuicErrorCode.CRYPTO_ERROR}:
        assert own_end(int(code), "why") == f"{code.name.lower().replace('_', ' ')}: why"
    assert close_reasons.CRYPTO_ERROR == QuicErrorCode.CRYPTO_ERROR
    assert close_reasons.CONNECTION_REFUSED == QuicErrorCode.CONNECTION_REFUSED
    assert (
        close_reasons.CRYPTO_ERROR + AlertDescription.no_application_protocol == close_reasons.NO_APPLICATION_PROTOCOL
    )


@pytest.mark.parametrize(
    ("code", "text", "said"),
    [
        (0, "Idle timeout", "silent for too long"),
        (0x100 + 40, "bad\n certificate", "TLS alert 40: bad certificate"),
        (0x52, "", "error 82: "),
    ],
)
def test_own_ends(code: int, text: str, said: str) -> None:
    assert own_end(code, text) == said


@pytest.mark.parametrize(
    ("code", "text", "of_quic", "said"),
    [
        (CloseCode.MISBEHAVED, "too\x1b[31m fast", False, "closed by the other side (misbehaved): too[31m fast"),
        (0x999, "", False, "closed by the other side (2457)"),
        (2, "whatever", True, "refused: the other side is full, or bans us"),
        (0x100 + 120, "", True, "the other side speaks another protocol"),
        (7, "", True, "the other side reports: frame encoding error"),
        (1 << 61, "x", True, f"the other side reports: TLS alert {(1 << 61) - 256}: x"),
    ],
)
def test_ends_by_the_other_side(code: int, text: str, of_quic: bool, said: str) -> None:
    assert peers_end(int(code), text, of_quic=of_quic) == said
