"""Notices when somebody else signs blocks with this node's mining identity: two signers would use one-time keys twice.

A block that carries our miner id was signed here if the signer's journal has it; that holds over restarts, for blocks
that come back by a sync, and for a chain that was lost and is fetched again.
"""

from typing import Protocol

import structlog

from quip.chain.chain import Chain
from quip.chain.events import ChainEvent, Connected
from quip.node.mining.block_producer import BlockProducer
from quip.primitives.hybrid import leaf_of

log = structlog.get_logger("quip.mining")

HISTORY = 4_096  # blocks back that are looked at on opening; what is older was looked at when it came
REASON = "another node signs with this identity"
HINT = (
    "a copy of this data directory runs elsewhere: stop that copy, or stop this node and give it an identity of its own"
    " with quip wallet recover"
)


class Remembers(Protocol):
    """A mining identity that knows what it signed."""

    @property
    def miner_id(self) -> bytes:
        """20 bytes."""

    def has_signed(self, block_hash: bytes, leaf: int) -> bool:
        """False: the block was not signed here."""


class Doppelganger:
    """Looks at every block that becomes canonical. A subscriber of the chain."""

    def __init__(self, chain: Chain, identity: Remembers, producer: BlockProducer) -> None:
        self._chain = chain
        self._identity = identity
        self._producer = producer

    def __call__(self, event: ChainEvent) -> None:
        """Called by the chain, in its thread."""
        if isinstance(event, Connected) and event.header.miner_id == self._identity.miner_id:
            self._look(event.hash)

    def look_back(self) -> None:
        """Look at the last blocks of the chain as it was opened."""
        block_hash = self._chain.head.hash
        for _ in range(HISTORY):
            header = self._chain.tree.header(block_hash)
            if header is None or header.number == 0:
                return
            if header.miner_id == self._identity.miner_id and not self._look(block_hash):
                return
            block_hash = header.parent_hash

    def _look(self, block_hash: bytes) -> bool:
        """True if the block was signed here."""
        if self._producer.has_made(block_hash):
            return True
        block = self._chain.block_by_hash(block_hash)
        if block is None or block.seal is None:
            return True
        if self._identity.has_signed(block_hash, leaf_of(block.seal.suite, block.seal.xmss_signature)):
            return True
        self._producer.give_up(REASON)
        log.error(REASON, block=block.header.number, hash=block_hash, hint=HINT)
        return False
