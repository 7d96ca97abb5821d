"""Makes long valid chains from a seed: real puzzles, real signatures, every block through the chain's own `accept`.

For tests, benchmarks and rehearsals on a network whose ladder is low enough that drawing spins is mining enough (the
`test` spec); another network needs a `Solver` that anneals. Equal seeds, specs and signers give equal chains.
What this file does not do: it knows no shortcut; a block that breaks a rule raises as anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from quip.chain.chain import Accepted, Chain
from quip.chain.events import Head
from quip.chain.ports import BlockSigner
from quip.chain.template import Below, Payee, Template, make_draft, seal_template
from quip.consensus.proof_of_work.proof import max_energy
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.transaction import SignedTransaction
from quip.ising.puzzle import Puzzle, search_gate
from quip.primitives import hybrid
from quip.primitives.hashes import blake3

_GATE_TRIES = 1 << 32
_DRAWS = 4_096
"""Spin configurations drawn for one proof before the ladder is called too hard for drawing."""
_PATIENCE = 60_000
"""Milliseconds for a block's transactions: equal seeds give equal chains on slow machines, too."""
_PAYEES = 64
"""Different beneficiaries of a generated chain."""


class LadderTooHard(Exception):
    """Drawing spins at random finds no proof under this spec."""


class Solver(Protocol):
    """Finds a canonical proof: min_solutions configurations, ascending, none above `energy`."""

    def __call__(self, puzzle: Puzzle, seed: bytes, energy: int) -> tuple[bytes, ...]:
        """The solutions for the instance of a 32-byte seed."""


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """How often a generated chain forks, and how deep. A side branch never becomes the head unless `overtake`."""

    every: int
    """A fork after every so many canonical blocks."""
    depth: int
    """Blocks below the head at which it leaves."""
    overtake: bool = False
    """True: the branch grows until it is the head; False: it stays one block short of the fork's depth."""


class ChainGenerator:
    """Extends a chain block by block."""

    def __init__(
        self, chain: Chain, puzzle: Puzzle, signers: Sequence[BlockSigner], seed: int, solver: Solver | None = None
    ) -> None:
        self.chain = chain
        self._puzzle = puzzle
        self._signers = [(signer, hybrid.miner_id(signer.keys)) for signer in signers]
        self._draws = _Draws(seed)
        self._solver = solver or self._draw_solutions

    def extend(self, blocks: int, forks: ForkPlan | None = None) -> Iterator[Accepted]:
        """Accepts blocks on the head, and forks as planned, until the head is `blocks` higher; yields each outcome."""
        goal = self.chain.head.header.number + blocks
        since_fork = 0
        while self.chain.head.header.number < goal:
            yield self.accept(self.block(self.chain.head))
            since_fork += 1
            if forks and since_fork >= forks.every and self.chain.head.header.number >= forks.depth:
                since_fork = 0
                yield from self.fork(forks)

    def fork(self, forks: ForkPlan) -> Iterator[Accepted]:
        """Grows a branch that leaves the canonical chain forks.depth blocks below the head."""
        old = self.chain.head
        parent = self._canonical(old.header.number - forks.depth)
        made = 0
        while self.chain.head.hash == old.hash if forks.overtake else made < forks.depth - 1:
            block = self.block(parent)
            yield self.accept(block)
            parent = self._head_of(block.header.hash)
            made += 1

    def accept(self, block: Block) -> Accepted:
        """The chain's verdict on a block, at the block's own time."""
        return self.chain.accept(block, block.header.timestamp)

    def block(self, parent: Head, known: Iterable[Ommer] = (), candidates: Sequence[SignedTransaction] = ()) -> Block:
        """A sealed child of any verified block, 1 to 2 T - 1 seconds after it, which shows what of `known` it may, and
        has what of `candidates` is lawful."""
        target_s = self.chain.spec.difficulty.target_block_time
        timestamp = parent.header.timestamp + 1 + self._draws.below(2 * target_s - 1)
        signer, miner_id = self._signers[self._draws.below(len(self._signers))]
        beneficiary = blake3(b"payee" + bytes([self._draws.below(_PAYEES)]))[:20]
        state, ancestry = self.chain.tree.state(parent.header.state_root), self.chain.ommers.ancestry(parent.hash)
        below = Below(state, ancestry, known)
        draft = make_draft(self.chain.rules, parent, below, Payee(beneficiary, miner_id), timestamp)
        template = draft.build(candidates, _PATIENCE)
        nonce, solutions = self._prove(template)
        return seal_template(template, nonce, solutions, signer)

    def _prove(self, template: Template) -> tuple[int, tuple[bytes, ...]]:
        rules = self._puzzle.rules
        found = search_gate(template.sealing_hash, self._draws.below(1 << 32), _GATE_TRIES, rules.gate_bits)
        if found is None:
            raise LadderTooHard(f"no nonce of {_GATE_TRIES} opens the gate")
        nonce, seed = found
        bound = min(self._puzzle.baseline(seed), rules.baseline_cap)
        return nonce, self._solver(self._puzzle, seed, max_energy(bound, template.margin))

    def _draw_solutions(self, puzzle: Puzzle, seed: bytes, energy: int) -> tuple[bytes, ...]:
        rules = puzzle.rules
        drawn = 0
        while drawn < _DRAWS:
            batch = sorted({self._spins() for _ in range(2 * rules.min_solutions)})
            drawn += len(batch)
            kept: list[bytes] = []
            for spins, found in zip(batch, puzzle.energies(seed, batch), strict=True):
                if found <= energy and (not kept or puzzle.minimum_distance([*kept, spins]) >= rules.min_distance):
                    kept.append(spins)
            if len(kept) >= rules.min_solutions:
                return tuple(kept[: rules.min_solutions])
        raise LadderTooHard(f"{drawn} random configurations hold no proof of energies up to {energy}")

    def _spins(self) -> bytes:
        rules = self._puzzle.rules
        n = rules.topology.n
        word = self._draws.bits(n) | int(rules.fold)
        return word.to_bytes(rules.solution_bytes, "little")

    def _canonical(self, number: int) -> Head:
        block_hash = self.chain.tree.canonical_hash(number)
        if block_hash is None:
            raise ValueError(f"no canonical block {number}")
        return self._head_of(block_hash)

    def _head_of(self, block_hash: bytes) -> Head:
        return Head(block_hash, *self.chain.tree.known(block_hash))


class _Draws:
    """Numbers from a seed: BLAKE3 of a counter."""

    def __init__(self, seed: int) -> None:
        self._key = b"quip generator" + seed.to_bytes(16, "big")
        self._count = 0

    def bits(self, count: int) -> int:
        """A number of `count` bits."""
        number = 0
        for _ in range((count + 255) // 256):
            number = number << 256 | int.from_bytes(blake3(self._key + self._count.to_bytes(8, "big")), "big")
            self._count += 1
        return number & ((1 << count) - 1)

    def below(self, limit: int) -> int:
        """A number in 0..limit - 1; the bias of the remainder is below 2^-64."""
        return self.bits(128) % limit
