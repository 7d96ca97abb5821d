"""Hybrid accounts (crates/hybrid): transactions of type 0x51, as bytes, and leaf windows."""

def check_transaction(encoded: bytes) -> None:
    """ValueError unless these are the bytes of a well-formed transaction. Looks at no signature."""

def verify_transaction(encoded: bytes) -> bool:
    """Whether the keys name the sender; ValueError unless both halves sign it. Releases the GIL."""

def payload_digest(encoded: bytes) -> bytes:
    """What both halves sign (EIP-712) of the RLP list of the 13 fields that are signed."""

def burn_leaf(window: tuple[int, bytes], leaf: int, leaves: int) -> tuple[int, bytes]:
    """(next, map of 32 bytes) after a leaf was used; ValueError if it is used, too old or past the end."""
