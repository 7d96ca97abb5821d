"""The argument of eth_getLogs and eth_newFilter: which logs, of which blocks."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from quip.consensus.types.receipt import Log
from quip.primitives.hashes import keccak256
from quip.rpc.errors import CallFailed, InvalidParams
from quip.rpc.params import LATEST, BadArgument, BlockRef, block_hash, block_number, kind_of

MAX_TOPICS = 4  # the EVM has LOG4 at most
MAX_ALTERNATIVES = 1_000  # of addresses, and of topics in one place
_ADDRESS, _TOPIC = 20, 32
_BLOOM_BYTES = (0, 2, 4)
_BLOOM_MASK = 2_047


@dataclass(frozen=True)
class LogFilter:
    """Which logs are wanted, and of which blocks: those of one hash, or of a range of the canonical chain."""

    block_hash: bytes | None = None
    first: BlockRef = LATEST
    last: BlockRef = LATEST
    addresses: frozenset[bytes] = frozenset()
    """Of contracts, 20 bytes; none: any."""
    topics: tuple[frozenset[bytes], ...] = field(default=())
    """Per place what may stand there, 32 bytes; none: anything. A log with fewer topics is not wanted."""

    @property
    def size(self) -> int:
        """How many addresses and topics it names."""
        return len(self.addresses) + sum(map(len, self.topics))

    def takes(self, log: Log) -> bool:
        """Whether a log is wanted."""
        if self.addresses and log.address not in self.addresses:
            return False
        if len(log.topics) < len(self.topics):
            return False
        return all(not wanted or topic in wanted for wanted, topic in zip(self.topics, log.topics, strict=False))

    def may_be_in(self, bloom: bytes) -> bool:
        """False where no block, or transaction, of that bloom can have such a log."""
        bits = int.from_bytes(bloom, "big")
        if not bits:
            return False  # not one log
        return all(any(mask & bits == mask for mask in place) for place in self._masks)

    @cached_property
    def _masks(self) -> list[list[int]]:
        return [[_mask(item) for item in place] for place in (self.addresses, *self.topics) if place]


def _mask(item: bytes) -> int:
    """The three bits of an address or a topic (Yellow Paper, eq. 29)."""
    digest = keccak256(item)
    mask = 0
    for at in _BLOOM_BYTES:
        mask |= 1 << (int.from_bytes(digest[at : at + 2], "big") & _BLOOM_MASK)
    return mask


def log_filter(value: object) -> LogFilter:
    """An object with blockHash or fromBlock and toBlock, address, and topics."""
    if not isinstance(value, dict):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type filters.input")
    named, first, last = value.get("blockHash"), value.get("fromBlock"), value.get("toBlock")
    if named is not None and (first is not None or last is not None):
        raise BadArgument("cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other")
    return LogFilter(
        None if named is None else block_hash(named),
        LATEST if first is None else block_number(first),
        LATEST if last is None else block_number(last),
        _addresses(value.get("address")),
        _topics(value.get("topics")),
    )


def _addresses(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset((_hex(value, _ADDRESS, "invalid address", "address"),))
    if not isinstance(value, list):
        raise BadArgument("invalid addresses in query")
    if len(value) > MAX_ALTERNATIVES:
        raise CallFailed("exceed max addresses or topics per search position")
    found = set()
    for index, one in enumerate(value):
        if not isinstance(one, str):
            raise BadArgument(f"non-string address at index {index}")
        found.add(_hex(one, _ADDRESS, f"invalid address at index {index}", "address"))
    return frozenset(found)


def _topics(value: Any) -> tuple[frozenset[bytes], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadArgument(
            f"json: cannot unmarshal {kind_of(value)} into Go struct field input.topics of type []interface"
        )
    if len(value) > MAX_TOPICS:
        raise InvalidParams("exceed max topics")
    return tuple(map(_alternatives, value))


def _alternatives(value: object) -> frozenset[bytes]:
    if value is None:
        return frozenset()
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list):
        raise BadArgument("invalid topic(s)")
    if len(wanted) > MAX_ALTERNATIVES:
        raise CallFailed("exceed max addresses or topics per search position")
    if None in wanted:  # one of them is anything: so are all
        return frozenset()
    if not all(isinstance(topic, str) for topic in wanted):
        raise BadArgument("invalid topic(s)")
    return frozenset(_hex(topic, _TOPIC, "", "topic") for topic in wanted)


def _hex(text: str, size: int, prefix: str, what: str) -> bytes:
    """As go-ethereum reads it here, in other words than elsewhere."""
    before = f"{prefix}: " if prefix else ""
    if text[:2] not in ("0x", "0X"):
        raise BadArgument(f"{before}{'empty hex string' if not text else 'hex string without 0x prefix'}")
    try:
        found = bytes.fromhex(text[2:]) if text.isalnum() else None
    except ValueError:
        found = None
    if found is None:
        odd = len(text) % 2
        raise BadArgument(f"{before}{'hex string of odd length' if odd else 'invalid hex string'}")
    if len(found) != size:
        raise BadArgument(f"{before}hex has invalid length {len(found)} after decoding; expected {size} for {what}")
    return found
