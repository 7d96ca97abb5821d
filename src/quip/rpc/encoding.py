"""Values as Ethereum's JSON-RPC writes them."""


class Json(str):
    """An answer that is JSON already, however deep: Python's encoder and decoder stop at 1,000 brackets."""


def quantity(number: int) -> str:
    """A non-negative integer: 0x and hex digits without leading zeros. Raises ValueError for a negative one."""
    if number < 0:
        raise ValueError(f"{number} is negative")
    return hex(number)


def data(value: bytes) -> str:
    """Bytes: 0x and two digits a byte."""
    return "0x" + value.hex()


def word(value: bytes) -> str:
    """The quantity that big-endian bytes stand for.

    >>> word(bytes([0, 1, 0]))
    '0x100'
    """
    return hex(int.from_bytes(value, "big"))


def integer(quantity: str) -> int:
    """The integer of a quantity, as a client reads it.

    >>> integer("0x10")
    16
    """
    return int(quantity, 16)
