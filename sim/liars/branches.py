"""Branches that liars make: headers without work, and blocks with real but little work."""

from __future__ import annotations

from dataclasses import replace

from quip.chain.chain import Chain
from quip.consensus.proof_of_work.difficulty import child_context, requirements
from quip.consensus.types.header import EMPTY_OMMERS_HASH, Header
from sim.honest.history import BLOCK_TIME_S, import_all, scratch_chain
from sim.liars.lies import Forger

FAKE_HEADERS = 60
"""Length of a branch of headers that never had seals."""
REAL_BLOCKS = 48
"""Length of a branch with seals: more than the 32 that count as progress."""


def fake_headers(forger: Forger, chain: Chain, now: int) -> tuple[tuple[Header, ...], int] | None:
    """Lawful headers, a second apart, off an old block of `chain`, and the total difficulty that they add up to."""
    number = max(0, chain.head.header.number - FAKE_HEADERS // 2)
    fork = chain.block_by_number(number)
    if fork is None:
        return None
    parent, context = fork.header, fork.context
    made: list[Header] = []
    while len(made) < FAKE_HEADERS and parent.timestamp < now:
        timestamp = parent.timestamp + 1
        required = requirements(forger.spec, parent, context, timestamp)
        draft = replace(
            chain.head.header,
            parent_hash=parent.hash,
            number=required.number,
            timestamp=timestamp,
            difficulty=required.work,
            base_fee_per_gas=fork.header.base_fee_per_gas if number else chain.head.header.base_fee_per_gas,
            extra_data=forger.miner_id + b"\0",
            ommers_hash=EMPTY_OMMERS_HASH,
        )
        header = forger.opened(draft)
        context = child_context(forger.spec.difficulty, parent, context, header)
        parent = header
        made.append(header)
    return (tuple(made), context.total_difficulty) if made else None


def grown_branch(forger: Forger, chain: Chain, now: int) -> Chain:
    """A chain of its own that leaves `chain` so many blocks below its head and is about as long."""
    own = scratch_chain()
    below = [chain.block_by_number(number) for number in range(1, max(0, chain.head.header.number - REAL_BLOCKS) + 1)]
    import_all(own, tuple(one.block for one in below if one is not None))
    while own.head.header.number < chain.head.header.number + 1 and len(below) + REAL_BLOCKS > own.head.header.number:
        timestamp = min(now, own.head.header.timestamp + BLOCK_TIME_S)
        own.accept(forger.child(own, timestamp), now)
    return own
