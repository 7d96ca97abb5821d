"""Chains of real headers, and what the law says of them: levels, lawful ommers, contested heights, payments.

Nothing here decides anything: a block's work is `requirements`, its context `child_context`, which ommers an honest
block shows is the miner's own `lawful_ommers` (which asks `check_ommers`), what it pays is `paid_by`.

What this file does not do: it anneals and signs nothing. The specs' gates stand open (gate_bits 0), seals are not asked
for, and roots are those of empty blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from quip.chain.siblings import lawful_ommers
from quip.consensus.errors.ommer import OmmerTooLight
from quip.consensus.execution.gas import next_base_fee
from quip.consensus.execution.rewards import counted_streak, full_reward, paid_by
from quip.consensus.ommers import check_difficulty, check_ommers
from quip.consensus.proof_of_work import difficulty
from quip.consensus.proof_of_work.difficulty import Requirements
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestor, Ancestry, IncludedOmmer
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, NONCE_SIZE, Header
from quip.consensus.types.ommer import Ommer, ommers_hash
from quip.ising.puzzle import seed_of

_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block of a played chain."""

    header: Header
    context: BlockContext
    parent: Block | None
    required: Requirements | None
    ommers: tuple[IncludedOmmer, ...]

    @property
    def hash(self) -> bytes:
        """The block hash."""
        return self.header.hash

    @property
    def miner_id(self) -> bytes:
        """Who found it, 20 bytes."""
        return self.header.miner_id

    def above(self, spec: ChainSpec, below: Ancestry) -> Ancestry:
        """The ancestry of this block's children, from that of the block itself."""
        return below.extended(_ancestor(self), counted_streak(spec, below))


def genesis(spec: ChainSpec) -> Block:
    """Block 0."""
    fields = spec.genesis
    header = Header(
        parent_hash=_NO_HASH,
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=fields.beneficiary,
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=EMPTY_BLOOM,
        difficulty=0,
        number=0,
        gas_limit=fields.gas_limit,
        gas_used=0,
        timestamp=fields.timestamp,
        extra_data=fields.extra_data,
        mix_hash=spec.digest,
        nonce=fields.nonce,
        base_fee_per_gas=fields.base_fee_per_gas,
    )
    return Block(header, difficulty.genesis_context(spec), None, None, ())


def first_ancestry(spec: ChainSpec, block: Block) -> Ancestry:
    """Of block 1."""
    return Ancestry(spec.ommers.window, [_ancestor(block)], 0)


def _ancestor(block: Block) -> Ancestor:
    return Ancestor(block.hash, block.header, block.context, block.ommers)


def child(spec: ChainSpec, parent: Block, stamp: int, miner: bytes) -> Block:
    """A block without ommers."""
    return _block(spec, parent, _draft(spec, parent, stamp, miner), ())


def showing(spec: ChainSpec, ancestry: Ancestry, bare: Block, orphans: Iterable[Block]) -> Block:
    """The block with as many of the orphans as it may show, the first of them first."""
    assert bare.required
    assert bare.parent
    controller = bare.context.controller
    known = (Ommer(orphan.header, None) for orphan in orphans)
    chosen = [ommer.header for ommer in lawful_ommers(spec, ancestry, bare.header, controller, known)]
    if not chosen:
        return bare
    extra = bare.miner_id + bytes([len(chosen)])
    draft = replace(bare.header, ommers_hash=ommers_hash(chosen), extra_data=extra)
    included = check_ommers(spec, ancestry, draft, controller, chosen)
    return _block(spec, bare.parent, draft, tuple(one.included for one in included))


def is_too_light(spec: ChainSpec, orphan: Block, root: Block) -> bool:
    """No chain through `root`, where the orphan left it, may ever show it, however low its own level."""
    included = IncludedOmmer(orphan.hash, orphan.header, orphan.context, root.context.next_controller)
    try:
        check_difficulty(spec, included, spec.difficulty.lo)
    except OmmerTooLight:
        return True
    return False


def _draft(spec: ChainSpec, parent: Block, stamp: int, miner: bytes) -> Header:
    required = difficulty.requirements(spec, parent.header, parent.context, stamp)
    return Header(
        parent_hash=parent.hash,
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=miner,
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=EMPTY_BLOOM,
        difficulty=required.work,
        number=required.number,
        gas_limit=parent.header.gas_limit,
        gas_used=0,
        timestamp=stamp,
        extra_data=miner + b"\x00",
        mix_hash=_NO_HASH,
        nonce=bytes(NONCE_SIZE),
        base_fee_per_gas=next_base_fee(parent.header),
    )


def _block(spec: ChainSpec, parent: Block, draft: Header, included: tuple[IncludedOmmer, ...]) -> Block:
    required = difficulty.requirements(spec, parent.header, parent.context, draft.timestamp)
    header = replace(draft, mix_hash=seed_of(draft.sealing_hash, draft.nonce))
    context = difficulty.child_context(spec.difficulty, parent.header, parent.context, header)
    return Block(header, context, parent, required, included)


def incomes(spec: ChainSpec, chain: Sequence[Block], blocks: int | None = None) -> dict[bytes, float]:
    """What each miner id is paid for the first `blocks` heights of a chain from genesis (all by default), in base
    rewards. What a height pays late is paid by the blocks above it: `window` + 1 of them settle everything."""
    last = len(chain) - 1 if blocks is None else blocks
    earned: dict[bytes, float] = {}
    ancestry = first_ancestry(spec, chain[0]) if spec.ommers.limit else None
    for block in chain[1:]:
        ommers = [Ommer(one.header, None) for one in block.ommers if one.header.number <= last]
        paid = paid_by(spec, ancestry, block.header, block.context, ommers).payments
        for payment in paid if block.header.number <= last else paid[1:]:  # the first is for the block itself
            before = earned.get(payment.miner_id, 0.0)
            earned[payment.miner_id] = before + payment.amount / spec.rewards.base_reward
        if ancestry is not None:
            ancestry = block.above(spec, ancestry)
            if ancestry.settled_number > last:
                break
    return earned


def incomes_by_raw_streak(spec: ChainSpec, percent: Sequence[int], chain: Sequence[Block]) -> dict[bytes, float]:
    """The same under the rule that the law had before there were ommers: paid at once, by the streak's length."""
    earned: dict[bytes, float] = {}
    for block in chain[1:]:
        full = full_reward(spec, block.header.difficulty, block.context.controller) / spec.rewards.base_reward
        factor = percent[min(block.context.streak, len(percent)) - 1] / 100
        earned[block.miner_id] = earned.get(block.miner_id, 0.0) + full * factor
    return earned
