"""Serves wrong seals and bodies under good hashes, and pushes good headers with wrong seals."""

from __future__ import annotations

from dataclasses import replace

from quip.chain.chain import Chain
from quip.consensus.types.block import BlockBody
from quip.net.link import Instant
from quip.net.wire.messages import BlockResponse, BlockSubmit, Bodies, Reply, Request, Seals
from sim.liars.liar import Liar, seal_of
from sim.liars.lies import TRANSACTION, flip, with_seal


class WrongParts(Liar):
    """What the hash does not cover is wrong."""

    def lie(self, chain: Chain, now: Instant) -> None:
        """The head's header under a wrong seal."""
        block = chain.block_by_hash(chain.head.hash)
        if block is None or block.seal is None:
            return
        wrong = with_seal(block.block, xmss_signature=flip(block.seal.xmss_signature, -1))
        parent = chain.tree.context(block.header.parent_hash)
        total = (parent.total_difficulty if parent else 0) + block.header.difficulty
        self._push("wrong seal", BlockSubmit(wrong.header, seal_of(wrong), total, wrong.ommers))

    def _alter(self, request: Request, honest: Reply) -> Reply:
        match super()._alter(request, honest):
            case Seals(seals) if seals and (last := seals[-1]) is not None:
                self._count("served seal")
                wrong = replace(last, ecdsa_signature=flip(last.ecdsa_signature, 7))
                return Seals((*seals[:-1], wrong))
            case Bodies(bodies):
                self._count("served body")
                return Bodies(tuple(BlockBody((TRANSACTION,)) for _ in bodies))
            case BlockResponse(block) if block is not None:
                self._count("served block")
                return BlockResponse(replace(block, transactions=(TRANSACTION,)))
            case other:
                return other
