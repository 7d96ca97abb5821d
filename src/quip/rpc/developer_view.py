"""A developer's chain as the methods see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quip.wallet.accounts.transaction_request import TransactionRequest


@dataclass(frozen=True, slots=True)
class DeveloperView:
    """What only a node does that makes blocks on demand. Any thread may call; what is refused raises CallFailed."""

    mine: Callable[[int, int], None]
    """So many blocks, each so many seconds after the one before it."""
    automine: Callable[[], bool]
    """Is a block made for each transaction?"""
    set_automine: Callable[[bool], None]
    set_interval: Callable[[int], None]
    """A block each so many milliseconds; 0: none by time."""
    increase_time: Callable[[int], int]
    """Moves the clock forward by so many seconds; how far it is from the system's."""
    set_next_timestamp: Callable[[int], None]
    """Unix seconds of the next block."""
    drop: Callable[[bytes | None], int]
    """Removes a transaction from the pool by its hash, or all; how many there were."""
    addresses: tuple[bytes, ...]
    """Accounts that it signs for, 20 bytes each."""
    sign_transaction: Callable[[bytes, TransactionRequest], bytes]
    sign_message: Callable[[bytes, bytes], bytes]
    sign_typed_data: Callable[[bytes, Mapping[str, Any]], bytes]
