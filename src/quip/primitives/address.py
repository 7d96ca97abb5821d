"""Addresses as people see them: 0x and 40 hexadecimal digits whose case is a checksum (EIP-55)."""

from __future__ import annotations

import re

from quip.primitives.hashes import keccak256

ADDRESS_BYTES = 20
_FORM = re.compile(r"0x[0-9a-fA-F]{40}")


class AddressError(ValueError):
    """The text is not an address, or its checksum is wrong."""


def checksum_address(address: bytes) -> str:
    """The EIP-55 text of a 20-byte address. Raises AddressError if it has another length.

    >>> checksum_address(bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"))
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    """
    if len(address) != ADDRESS_BYTES:
        raise AddressError(f"an address has {ADDRESS_BYTES} bytes, not {len(address)}")
    digits = address.hex()
    case = keccak256(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(c, 16) >= 8 else d for d, c in zip(digits, case, strict=False))


def parse_address(text: str) -> bytes:
    """The 20 bytes of an address. All-lower and all-upper digits carry no checksum; mixed case must match EIP-55.

    Raises AddressError.
    """
    if not _FORM.fullmatch(text):
        raise AddressError(f"{text!r} is not an address: want 0x and 40 hexadecimal digits")
    digits = text[2:]
    address = bytes.fromhex(digits)
    if digits not in (digits.lower(), digits.upper()) and checksum_address(address) != text:
        raise AddressError(
            f"{text} has a wrong checksum (EIP-55): a digit was mistyped; expected the case of "
            f"{checksum_address(address)}"
        )
    return address
