"""Blocks that break one rule each, made by a liar who owns a mining key and plenty of (easy) work.

Each entry names the rule that has to refuse it. Where the change allows it the block is proved and signed anew, so that
nothing but the rule in question stands between it and the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from quip._native import ising
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.chain.template import Below, Payee, make_draft
from quip.consensus.block_validation import Rules
from quip.consensus.errors.body import (
    InvalidTransaction,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.errors.header import (
    GasLimitStep,
    GasUsedAboveLimit,
    GateClosed,
    SeedMismatch,
    TimestampNotAfterParent,
    UnknownParent,
    WrongBaseFee,
    WrongDifficulty,
    WrongNumber,
    WrongOmmersHash,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import (
    InvalidSignature,
    MalformedSolutions,
    SolutionsTooClose,
    WrongMiner,
    WrongSolutionCount,
    WrongSuite,
)
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block, transactions_root
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.ising.puzzle import Puzzle, gate_open, search_gate, seed_of
from quip.mining.attempt import Workbench
from quip.mining.plan import annealing_plan
from quip.primitives import ecdsa, hybrid
from sim.honest.mining import READS, DrawnSpins
from sim.world.disk import mining_secret

TRANSACTION = b"\x02\xc0"
"""A typed transaction as far as codecs look."""
ZERO = bytes(32)


class Forger:
    """Proves and signs whatever header it is given."""

    def __init__(self, spec: ChainSpec, puzzle: Puzzle, number: int) -> None:
        self.spec = spec
        self.puzzle = puzzle
        self._secret = mining_secret(number)
        self._leaf = 0
        self._bench = Workbench(puzzle, DrawnSpins(), ising.CancelFlag(), READS)
        self.miner_id: bytes = hybrid.miner_id(self._secret.keys)

    def child(self, chain: Chain, now: int) -> Block:
        """A lawful child of the chain's head."""
        template = chain.draft(bytes(range(20)), self.miner_id, now).build()
        return self.sealed(template.header, template.ommers)

    def sibling(self, chain: Chain, depth: int, seconds: int) -> Block:
        """A lawful block, so many seconds after a canonical one `depth` below the head."""
        number = max(0, chain.head.header.number - depth)
        parent_hash = chain.tree.canonical_hash(number)
        assert parent_hash is not None
        parent = Head(parent_hash, *chain.tree.known(parent_hash))
        state = chain.tree.state(parent.header.state_root)
        payee = Payee(bytes(range(20)), self.miner_id)
        below = Below(state, chain.ommers.ancestry(parent_hash))
        rules = Rules(self.spec, self.puzzle)
        return self.sealed(make_draft(rules, parent, below, payee, parent.header.timestamp + seconds).build().header)

    def sealed(self, header: Header, ommers: tuple[Ommer, ...] = ()) -> Block:
        """The header with its gate opened, proved and signed."""
        opened = self.opened(header)
        return Block(opened, (), self.signed(opened, self._proof(opened.mix_hash)), ommers)

    def opened(self, header: Header) -> Header:
        """The header with its gate opened."""
        found = search_gate(header.sealing_hash, 0, 1 << 20, self.spec.puzzle.gate_bits)
        assert found is not None
        return replace(header, nonce=found[0].to_bytes(8, "big"), mix_hash=found[1])

    def signed(self, header: Header, solutions: tuple[bytes, ...]) -> Seal:
        """The seal of a header; every leaf is used once, whatever the liar's manners."""
        keys, leaf = self._secret.keys, self._leaf
        self._leaf += 1
        digest = hybrid.block_digest(self.spec.chain_id, keys, leaf, header.hash)
        signatures = ecdsa.sign(self._secret.ecdsa, digest), self._secret.xmss.sign(leaf, digest)
        return Seal(keys.suite, keys.ecdsa, keys.xmss, solutions, *signatures)

    def _proof(self, seed: bytes) -> tuple[bytes, ...]:
        for _ in range(20):
            effort = self._bench.attempt(seed, self.spec.puzzle.ladder[0][1], annealing_plan(sweeps=1, retries=20))
            if effort.solutions is not None:
                return effort.solutions
        raise AssertionError("drawn spins are no proof on this ladder")


@dataclass(frozen=True, slots=True)
class Lie:
    """One rule, and how to break it."""

    rule: type[ConsensusError]
    make: Callable[[Forger, Block], Block]


def _header(**changes: Any) -> Callable[[Forger, Block], Block]:
    return lambda forger, block: forger.sealed(replace(block.header, **changes), block.ommers)


def _moved(name: str, by: int) -> Callable[[Forger, Block], Block]:
    return lambda forger, block: forger.sealed(
        replace(block.header, **{name: getattr(block.header, name) + by}), block.ommers
    )


def _seal(**changes: Any) -> Callable[[Forger, Block], Block]:
    return lambda _, block: with_seal(block, **changes)


def _part(name: str, position: int) -> Callable[[Forger, Block], Block]:
    return lambda _, block: with_seal(block, **{name: flip(getattr(block.seal, name), position)})


def _solutions(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Forger, Block], Block]:
    return lambda _, block: with_seal(block, solutions=tuple(change(list(_sealed(block).solutions))))


def with_seal(block: Block, **changes: Any) -> Block:
    """The block with fields of its seal changed."""
    return replace(block, seal=replace(_sealed(block), **changes))


def flip(data: bytes, position: int = -1) -> bytes:
    """The bytes with the lowest bit of one of them flipped."""
    changed = bytearray(data)
    changed[position] ^= 1
    return bytes(changed)


def _sealed(block: Block) -> Seal:
    assert block.seal is not None
    return block.seal


def closed_gate(spec: ChainSpec, block: Block) -> Block:
    """A nonce whose seed is right but does not open the gate."""
    for nonce in range(1_000):
        raw = nonce.to_bytes(8, "big")
        seed = seed_of(block.header.sealing_hash, raw)
        if not gate_open(seed, spec.puzzle.gate_bits):
            return replace(block, header=replace(block.header, nonce=raw, mix_hash=seed))
    raise AssertionError("every gate is open")


def too_close(block: Block) -> Block:
    """Two solutions one flip apart."""
    first, *rest = _sealed(block).solutions
    return with_seal(block, solutions=tuple(sorted((first, flip(first, 1), *rest[1:]))))


def _other_miner(forger: Forger, block: Block) -> Block:
    foreign = replace(block.header, extra_data=bytes(20) + block.header.extra_data[20:])
    return forger.sealed(foreign, block.ommers)


def _with_transactions(forger: Forger, block: Block) -> Block:
    body = (TRANSACTION,)
    return replace(_header(transactions_root=transactions_root(body))(forger, block), transactions=body)


LIES: dict[str, Lie] = {
    "seed": Lie(SeedMismatch, lambda _, b: replace(b, header=replace(b.header, mix_hash=ZERO))),
    "gate": Lie(GateClosed, lambda forger, block: closed_gate(forger.spec, block)),
    "number": Lie(WrongNumber, _moved("number", 1)),
    "ommers": Lie(WrongOmmersHash, _header(ommers_hash=ZERO)),
    "timestamp": Lie(TimestampNotAfterParent, _header(timestamp=1)),
    "difficulty": Lie(WrongDifficulty, _moved("difficulty", 1)),
    "gas limit step": Lie(GasLimitStep, _moved("gas_limit", 30_000_000 // 1024)),
    "gas used": Lie(GasUsedAboveLimit, _header(gas_used=30_000_001)),
    "base fee": Lie(WrongBaseFee, _moved("base_fee_per_gas", 1)),
    "parent": Lie(UnknownParent, _header(parent_hash=ZERO)),
    "suite": Lie(WrongSuite, _seal(suite=1)),
    "another miner": Lie(WrongMiner, _other_miner),
    "ECDSA half": Lie(InvalidSignature, _part("ecdsa_signature", 5)),
    "XMSS half": Lie(InvalidSignature, _part("xmss_signature", -1)),
    "XMSS leaf": Lie(InvalidSignature, _part("xmss_signature", 2)),
    "XMSS length": Lie(InvalidSignature, _seal(xmss_signature=bytes(4_962))),
    "ECDSA key": Lie(InvalidSignature, _seal(ecdsa_key=bytes(33))),
    "too few": Lie(WrongSolutionCount, _solutions(lambda s: s[:-1])),
    "length": Lie(MalformedSolutions, _solutions(lambda s: [s[0] + b"\0", *s[1:]])),
    "order": Lie(MalformedSolutions, _solutions(lambda s: s[::-1])),
    "twice": Lie(MalformedSolutions, _solutions(lambda s: [s[0], s[0], *s[2:]])),
    "distance": Lie(SolutionsTooClose, lambda _, block: too_close(block)),
    "body": Lie(WrongBody, lambda _, block: replace(block, transactions=(TRANSACTION,))),
    "transactions": Lie(InvalidTransaction, _with_transactions),
    "state root": Lie(WrongStateRoot, _header(state_root=ZERO)),
    "receipts root": Lie(WrongReceiptsRoot, _header(receipts_root=ZERO)),
    "logs bloom": Lie(WrongLogsBloom, _header(logs_bloom=bytes([1] * 256))),
    "used gas": Lie(WrongGasUsed, _header(gas_used=21_000)),
}
