"""Looks for secrets in anything that left a node: raw, in hex, in base64 at any offset, or as words."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

WORDS_TOGETHER = 4
"""So many words of a mnemonic in a row betray it; fewer happen in any text."""


def spellings(secret: bytes) -> Iterable[bytes]:
    """Forms in which bytes may be written. Base64 depends on where in a longer text they stand."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + secret).rstrip(b"=")
        inner = text[(offset * 8 + 5) // 6 : -1]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def word_spellings(mnemonic: str) -> Iterable[bytes]:
    """Every few words in a row, as text, as a list, one a line."""
    words = mnemonic.split()
    for start in range(len(words) - WORDS_TOGETHER + 1):
        few = words[start : start + WORDS_TOGETHER]
        for between in (" ", ",", ", ", "\n", '", "', "', '"):
            yield between.join(few).encode()


def found(secrets: Mapping[str, Iterable[bytes]], traces: Mapping[str, bytes]) -> list[str]:
    """`secret in trace` for each that is there."""
    return [
        f"{name} in {place}"
        for name, forms in secrets.items()
        for place, text in traces.items()
        if any(form in text for form in forms)
    ]
