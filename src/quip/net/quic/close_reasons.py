"""Why a connection ended, in words: for logs, and for whoever dialled."""

from __future__ import annotations

from quip.net.actions import CloseCode
from quip.net.quic.datagram import printable

CONNECTION_REFUSED = 0x2
CRYPTO_ERROR = 0x100
"""A TLS alert is this plus its number."""
NO_APPLICATION_PROTOCOL = CRYPTO_ERROR + 120
FORGOTTEN = "the other side has lost the connection: it was restarted"

_CLOSE_NAMES = {int(code): code.name.lower() for code in CloseCode}
_QUIC_NAMES = (
    "no error", "internal error", "connection refused", "flow control error", "stream limit error",
    "stream state error", "final size error", "frame encoding error", "transport parameter error",
    "connection id limit error", "protocol violation", "invalid token", "application error", "crypto buffer exceeded",
    "key update error", "aead limit reached", "no viable path", "version negotiation error",
)  # fmt: skip
"""RFC 9000, section 20.1; RFC 9368, section 4."""
_OWN_WORDS = {
    "Idle timeout": "silent for too long",
    "Could not find a common protocol version": "the other side speaks another version of QUIC",
    FORGOTTEN: FORGOTTEN,
}
"""What aioquic says of ends that this side found."""


def own_end(code: int, text: str) -> str:
    """This side found that the connection is over."""
    return _OWN_WORDS.get(text, f"{_name(code)}: {printable(text)}")


def peers_end(code: int, text: str, *, of_quic: bool) -> str:
    """The other side closed; `of_quic`: with a code of QUIC's, not one of ours."""
    if not of_quic:
        name = f"closed by the other side ({_CLOSE_NAMES.get(code, code)})"
    elif code == CONNECTION_REFUSED:
        return "refused: the other side is full, or bans us"
    elif code == NO_APPLICATION_PROTOCOL:
        return "the other side speaks another protocol"
    else:
        name = f"the other side reports: {_name(code)}"
    return f"{name}: {printable(text)}" if text else name


def _name(code: int) -> str:
    if code < len(_QUIC_NAMES):
        return _QUIC_NAMES[code]
    return f"TLS alert {code - CRYPTO_ERROR}" if code >= CRYPTO_ERROR else f"error {code}"
