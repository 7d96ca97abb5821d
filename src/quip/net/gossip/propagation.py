"""Who is told of which block: header and seal to some at once, the hash to the rest.

What this file does not do: it judges no block; `block_pipeline` says what may go on.
"""

from __future__ import annotations

from math import isqrt
from random import Random

from quip.chain.events import Head
from quip.net.commands import Tell
from quip.net.limits import KNOWN_BLOCKS_PER_PEER, PUSH_AT_LEAST, VERIFIED_SEALS
from quip.net.ports import ChainView
from quip.net.wire.messages import BlockSubmit, Gossip, HeadClaim
from quip.primitives.bounded_dict import BoundedDict


class Propagation:
    """What each joined peer is known to have, and what it is to be told."""

    def __init__(self, view: ChainView, rng: Random) -> None:
        self._view = view
        self._rng = rng
        self._known: dict[int, BoundedDict[bytes, None]] = {}
        self._pushed: BoundedDict[bytes, None] = BoundedDict(VERIFIED_SEALS)
        self._held: BoundedDict[bytes, None] = BoundedDict(VERIFIED_SEALS)
        """Blocks with ommers whose seal is good: they go on once they are in."""
        self._announced = view.head.hash

    def joined(self, peer: int) -> None:
        """The peer may be told of blocks from now on."""
        self._known[peer] = BoundedDict(KNOWN_BLOCKS_PER_PEER)

    def gone(self, peer: int) -> None:
        """The peer left."""
        self._known.pop(peer, None)

    def knows(self, peer: int, block_hash: bytes) -> None:
        """The peer has the block, or is being told of it."""
        if peer in self._known:
            self._known[peer][block_hash] = None

    def hold(self, block_hash: bytes) -> None:
        """A block with ommers is on its way in: it is pushed once it is the head."""
        self._held[block_hash] = None

    def push(self, message: BlockSubmit) -> list[Tell]:
        """Header and seal to a random few who lack it: the square root of all peers, and at least PUSH_AT_LEAST."""
        block_hash = message.header.hash
        self._pushed[block_hash] = None
        ignorant = [peer for peer, known in self._known.items() if block_hash not in known]
        quota = max(PUSH_AT_LEAST, 1 + isqrt(max(0, len(self._known) - 1)))
        chosen = self._rng.sample(ignorant, min(quota, len(ignorant)))
        for peer in chosen:
            self.knows(peer, block_hash)
        return [Tell(peer, message) for peer in chosen]

    def head_moved(self, head: Head, *, mined: bool, syncing: bool) -> list[Tell]:
        """The new head, whole to some if we mined or held it; by hash to all who lack it, but for what sync brings.

        What gossip brought is announced during a sync too: a mere claim must not silence a node.
        """
        tells: list[Tell] = []
        if mined or head.hash in self._held:
            block = self._view.block(head.hash)
            if block is not None and block.seal is not None:
                shown = block.block.ommers
                tells = self.push(BlockSubmit(head.header, block.seal, head.context.total_difficulty, shown))
        if mined or not syncing or head.hash in self._pushed:
            tells += self._announce(head)
        return tells

    def tick(self, *, syncing: bool) -> list[Tell]:
        """After a sync its result is announced once."""
        head = self._view.head
        return self._announce(head) if not syncing and head.hash != self._announced else []

    def announce_sibling(self, claim: HeadClaim) -> list[Tell]:
        """A stored block beside the best branch, once, to all who lack it: somebody may show it as an ommer."""
        return self._tell_all(claim)

    def _announce(self, head: Head) -> list[Tell]:
        self._announced = head.hash
        return self._tell_all(HeadClaim(head.hash, head.header.number, head.context.total_difficulty))

    def _tell_all(self, claim: HeadClaim) -> list[Tell]:
        message = Gossip((claim,))
        ignorant = [peer for peer, known in self._known.items() if claim.hash not in known]
        for peer in ignorant:
            self.knows(peer, claim.hash)
        return [Tell(peer, message) for peer in ignorant]
