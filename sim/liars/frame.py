"""Tells one node alone what the node would be blamed for if it passed it on."""

from __future__ import annotations

from quip.chain.chain import Chain
from quip.net.link import Instant
from quip.net.wire.messages import BlockSubmit, Gossip, HeadClaim, Push
from sim.liars.liar import Liar, seal_of
from sim.liars.lies import LIES

FAILING_EXECUTION = ("transactions", "state root", "receipts root", "logs bloom", "used gas")
"""Lies that are seen only when the block is executed."""


class Frame(Liar):
    """Has somebody else say what is wrong."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """One node alone hears it, and of it those that it tells."""
        session = self._rng.choice(list(self._sessions.values()))
        head = chain.head
        match self._rng.randrange(3):
            case 0:  # only the execution fails: it is relayed before that
                name = self._rng.choice(FAILING_EXECUTION)
                block = LIES[name].make(self._forger, self._forger.child(chain, now.unix_s))
                total = head.context.total_difficulty + block.header.difficulty
                message: Push = BlockSubmit(block.header, seal_of(block), total, block.ommers)
            case 1:  # a real block under another number and work
                message = Gossip((HeadClaim(head.hash, head.header.number + 1, head.context.total_difficulty * 2),))
            case _:  # the next block, of whose total work it says too much
                block = self._forger.child(chain, now.unix_s)
                message = BlockSubmit(block.header, seal_of(block), head.context.total_difficulty * 2, block.ommers)
        if session.push(message, now):
            self._count("framed")
