"""Blocks that came before their time: kept in a bounded box and offered again when their time has come."""

from __future__ import annotations

from quip.chain.limits import FUTURE_BLOCKS, FUTURE_BYTES, FUTURE_WAIT_S
from quip.consensus.block_validation import CompleteBlock
from quip.consensus.types.header import Header


class FutureBlocks:
    """At most FUTURE_BLOCKS blocks and FUTURE_BYTES bytes; the latest timestamps are dropped first."""

    def __init__(self, future_limit_s: int) -> None:
        self._future_limit_s = future_limit_s
        self._blocks: dict[bytes, tuple[CompleteBlock, int]] = {}

    def wants(self, header: Header, now: int) -> bool:
        """False for a block that is kept already, or whose time is more than FUTURE_WAIT_S away."""
        near = header.timestamp <= now + self._future_limit_s + FUTURE_WAIT_S
        return near and header.hash not in self._blocks

    def add(self, block: CompleteBlock, now: int) -> None:
        """Keep a block for later, if it is wanted."""
        if not self.wants(block.header, now):
            return
        self._blocks[block.checked.hash] = (block, len(block.block.encode()))
        while len(self._blocks) > FUTURE_BLOCKS or self._size() > FUTURE_BYTES:
            latest = max(self._blocks, key=lambda key: self._blocks[key][0].header.timestamp)
            del self._blocks[latest]

    def due(self, now: int) -> list[CompleteBlock]:
        """Takes out the blocks whose time has come at Unix time `now`, lowest number first."""
        horizon = now + self._future_limit_s
        ready = {key: block for key, (block, _) in self._blocks.items() if block.header.timestamp <= horizon}
        for key in ready:
            del self._blocks[key]
        return sorted(ready.values(), key=lambda block: block.header.number)

    def __len__(self) -> int:
        return len(self._blocks)

    def _size(self) -> int:
        return sum(size for _, size in self._blocks.values())
