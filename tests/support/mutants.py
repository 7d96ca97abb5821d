"""Blocks that break one rule each: a valid block is changed and, where the change needs it, proved and signed again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from quip.chain.chain import Chain
from quip.consensus.types.block import Block, transactions_root
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.ising.puzzle import Puzzle, search_gate
from sim.honest.chain_generator import ChainGenerator
from sim.liars.lies import TRANSACTION, with_seal
from support.chains import puzzle_of
from support.signers import MemorySigner, signer


def proof(puzzle: Puzzle, seed: bytes, low: int, high: int) -> tuple[bytes, ...]:
    """A canonical, diverse set of configurations with energies in low..high."""
    rules = puzzle.rules
    kept: list[bytes] = []
    for start in range(1, 1_000):
        spins = walk(puzzle, seed, start * 0x9E3779B97F4A7C15 * 0x10001, low, high)
        if spins and (not kept or puzzle.minimum_distance([*kept, spins]) >= rules.min_distance):
            kept.append(spins)
        if len(kept) == rules.min_solutions:
            return tuple(sorted(kept))
    raise AssertionError(f"no proof with energies in {low}..{high}")


def walk(puzzle: Puzzle, seed: bytes, bits: int, low: int, high: int) -> bytes | None:
    """Greedy single flips from a start until the energy lies in low..high, None at a local optimum; s_0 stays +1."""
    rules = puzzle.rules
    word = (bits | 1) & ((1 << rules.topology.n) - 1)
    while True:
        candidates = [word] + [word ^ (1 << spin) for spin in range(1, rules.topology.n)]
        packed = [candidate.to_bytes(rules.solution_bytes, "little") for candidate in candidates]
        energies = puzzle.energies(seed, packed)
        for energy, spins in zip(energies, packed, strict=True):
            if low <= energy <= high:
                return spins
        best = (max if energies[0] < low else min)(energies)
        if best == energies[0]:
            return None
        word = candidates[energies.index(best)]


def seal_header(chain: Chain, header: Header, by: MemorySigner | None = None) -> Block:
    """The header with its gate opened, proved (by low energies) and signed."""
    puzzle = puzzle_of(chain.spec)
    found = search_gate(header.sealing_hash, 0, 1 << 20, chain.spec.puzzle.gate_bits)
    assert found is not None
    nonce, seed = found
    sealed = replace(header, nonce=nonce.to_bytes(8, "big"), mix_hash=seed)
    return Block(sealed, (), signed(sealed, proof(puzzle, seed, -10_000, -60), by or signer_of(header)))


def signer_of(header: Header) -> MemorySigner:
    """The signer that the header names, signer 1 if it names none."""
    return next((signer(n) for n in (1, 2, 3) if signer(n).miner_id == header.miner_id), signer(1))


def signed(header: Header, solutions: tuple[bytes, ...], by: MemorySigner) -> Seal:
    ecdsa_signature, xmss_signature = by.sign_block(header.hash)
    return Seal(by.keys.suite, by.keys.ecdsa, by.keys.xmss, solutions, ecdsa_signature, xmss_signature)


def with_header(chain: Chain, block: Block, **changes: Any) -> Block:
    """The block with header fields changed, proved and signed anew."""
    return seal_header(chain, replace(block.header, **changes))


def with_energies(chain: Chain, block: Block, low: int, high: int) -> Block:
    """The block with solutions of energies in low..high; the signature stays good."""
    return with_seal(block, solutions=proof(puzzle_of(chain.spec), block.header.mix_hash, low, high))


def with_transactions(chain: Chain, block: Block) -> Block:
    """A body with a transaction, committed to by the header."""
    changed = with_header(chain, block, transactions_root=transactions_root((TRANSACTION,)))
    return replace(changed, transactions=(TRANSACTION,))


Mutation = Callable[[Chain, Block], Block]


def next_block(made: ChainGenerator) -> Block:
    """A valid child of the head, sealed by miner 1."""
    block = made.block(made.chain.head)
    while block.header.miner_id != signer(1).miner_id:
        block = made.block(made.chain.head)
    return block
