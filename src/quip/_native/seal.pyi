"""The fast twins of `quip.consensus.rules` (crates/seal). They only say yes; the clear twin says what is wrong."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from quip._native.ising import Graph, Schedule

HeaderFields: TypeAlias = tuple[
    bytes, bytes, bytes, bytes, bytes, bytes, bytes, int, int, int, int, int, bytes, bytes, bytes, int
]
"""As the header's, in order."""
SealParts: TypeAlias = tuple[int, bytes, bytes, tuple[bytes, ...], bytes, bytes]
"""Suite, ECDSA key, XMSS key, solutions, ECDSA signature, XMSS signature."""
Recent: TypeAlias = tuple[int, int, int, int]
"""As RecentBlock's, in order."""
Context: TypeAlias = tuple[int, int, int, Sequence[Recent]]
"""As BlockContext's, in order."""
NextContext: TypeAlias = tuple[int, int, int, Recent]
"""As the context, with the newest of its recent blocks only."""
Required: TypeAlias = tuple[int, int, int, int, int, int, int]
"""As those of Requirements, in order."""

class Levels(Protocol):
    """The difficulty section of a chain spec."""

    @property
    def start(self) -> int: ...
    @property
    def lo(self) -> int: ...
    @property
    def hi(self) -> int: ...
    @property
    def target_block_time(self) -> int: ...
    @property
    def half_life(self) -> int: ...
    @property
    def outage_cap(self) -> int: ...
    @property
    def lag(self) -> int: ...
    @property
    def overdue_after(self) -> int: ...
    @property
    def overdue_rate(self) -> int: ...
    @property
    def overdue_limit(self) -> int: ...
    @property
    def streak_rate(self) -> int: ...
    @property
    def streak_limit(self) -> int: ...
    @property
    def future_limit(self) -> int: ...

class HeaderRules:
    """Gate and header rules of one spec. `gas_limits`: lowest and highest."""

    def __init__(
        self,
        gate_bits: int,
        gas_limits: tuple[int, int],
        levels: Levels,
        ladder: Sequence[tuple[int, int]],
        ommer_limit: int,
    ) -> None: ...
    def check(
        self, parent: tuple[bytes, Context], headers: Sequence[bytes], now: int
    ) -> list[tuple[bytes, Required, NextContext]]:
        """(block hash, requirements, context) of each header (RLP) on the one before it, up to the first that is not
        good or not for native code to decide. Releases the GIL."""

class SealVerifier:
    """Whole seals of one puzzle. `bounds`: B_cap, min_solutions, min_distance."""

    def __init__(self, graph: Graph, schedule: Schedule, ternary: bool, bounds: tuple[int, int, int]) -> None: ...
    def good(self, chain_id: int, seals: Sequence[tuple[bytes, bytes, bytes, int, bytes]]) -> list[bool]:
        """Per seal whether signatures and proof are good: (block hash, miner id, seed, margin, RLP of the seal).
        Releases the GIL."""

def decode_header(encoded: bytes) -> HeaderFields | None:
    """None where the bytes are not exactly one well-formed header."""

def decode_seal(encoded: bytes) -> SealParts | None:
    """None where the bytes are not exactly one well-formed seal."""

def work(level: int) -> int | None:
    """floor(2^(level / 65536)); None above the highest level, or undecided (once in 2^60 levels)."""
