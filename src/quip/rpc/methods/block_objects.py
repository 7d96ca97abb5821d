"""Blocks and proofs as JSON objects.

Ethereum's fields keep Ethereum's forms (quantities and data in hex). In quip_* objects, what may exceed 2^53 (work,
rewards, sums of work) is a hex quantity like everywhere; small counts and all signed numbers (energies, baseline,
margin, levels) are plain JSON integers. Levels are log2(work) in 16.16 fixed point.
"""

from functools import lru_cache
from typing import Any

from quip.chain.ports import MinerTotals, StoredBlock
from quip.consensus.execution.rewards import block_reward, reward_of
from quip.consensus.proof_of_work.difficulty import Requirements, requirements
from quip.consensus.proof_of_work.proof import max_energy
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.ising.puzzle import Puzzle
from quip.primitives.hashes import keccak256
from quip.rpc.encoding import data, quantity
from quip.rpc.errors import CallFailed
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView

SHOWN_PROOFS = 4_096  # whose baselines are remembered: 150 bytes each


def header_object(header: Header, total_difficulty: int) -> dict[str, Any]:
    """A header's fields under the names that Ethereum's clients give them."""
    return {
        "number": quantity(header.number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": data(header.nonce),
        "mixHash": data(header.mix_hash),
        "sha3Uncles": data(header.ommers_hash),
        "logsBloom": data(header.logs_bloom),
        "transactionsRoot": data(header.transactions_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipts_root),
        "miner": data(header.beneficiary),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": quantity(total_difficulty),
        "extraData": data(header.extra_data),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
    }


def block_object(stored: StoredBlock) -> dict[str, Any]:
    """The answer of eth_getBlockBy*; `size` counts RLP([header, transactions]), without the seal."""
    return {
        **header_object(stored.header, stored.context.total_difficulty),
        "size": quantity(wire_block(stored).body_size()),
        "transactions": [data(keccak256(transaction)) for transaction in stored.transactions],
        "uncles": [],
    }


def pending_object(header: Header, total_difficulty: int) -> dict[str, Any]:
    """The block that would be mined now: what is not known yet is null, as go-ethereum writes it."""
    size = Block(header, (), None).body_size()
    unknown = {"hash": None, "nonce": None, "miner": None}
    return {
        **header_object(header, total_difficulty),
        **unknown,
        "size": quantity(size),
        "transactions": [],
        "uncles": [],
    }


def wire_block(stored: StoredBlock) -> Block:
    """The block as it travels, with the witness that this node holds."""
    return Block(stored.header, stored.transactions, stored.seal)


@lru_cache(SHOWN_PROOFS)
def _baseline(puzzle: Puzzle, seed: bytes) -> int:
    """B, annealed once: who asks again for the same proof costs nothing."""
    return puzzle.baseline(seed)


def proof_object(view: RpcView, stored: StoredBlock) -> dict[str, Any]:
    """Everything that shows a block's work, recomputed. Raises CallFailed for genesis, which has no proof."""
    spec, puzzle, header, seal = view.spec, view.puzzle, stored.header, stored.seal
    if seal is None:
        raise CallFailed("the genesis block has no proof")
    parent = view.need(BlockRef(hash=header.parent_hash))
    required = requirements(spec, parent.header, parent.context, header.timestamp)
    baseline = _baseline(puzzle, header.mix_hash)
    rules = spec.puzzle
    return {
        "number": quantity(header.number),
        "hash": data(header.hash),
        "sealingHash": data(header.sealing_hash),
        "nonce": data(header.nonce),
        "seed": data(header.mix_hash),
        "gateBits": rules.gate_bits,
        "topology": topology_object(spec, puzzle),
        "level": required.level,
        "work": quantity(required.work),
        "baseline": baseline,
        "margin": required.margin,
        "maxEnergy": max_energy(min(baseline, rules.baseline_cap), required.margin),
        "minDistance": rules.min_distance,
        "minSolutions": rules.min_solutions,
        "solutions": [data(solution) for solution in seal.solutions],
        "energies": puzzle.energies(header.mix_hash, seal.solutions),
        "streak": stored.context.streak,
        "reward": quantity(reward_of(spec.rewards, header, stored.context)),
        "minerId": data(header.miner_id),
        "beneficiary": data(header.beneficiary),
    }


def topology_object(spec: ChainSpec, puzzle: Puzzle) -> dict[str, Any]:
    """The puzzle's graph: what generates it, its size, and the digest that tells whether it was generated rightly."""
    graph = puzzle.rules.topology
    return {
        "name": graph.name,
        "family": spec.puzzle.topology.family,
        "m": spec.puzzle.topology.m,
        "t": spec.puzzle.topology.t,
        "nodes": graph.n,
        "couplers": len(graph.couplers),
        "fields": spec.puzzle.fields,
        "digest": data(spec.puzzle.topology.digest),
    }


def requirements_object(spec: ChainSpec, parent: StoredBlock, required: Requirements) -> dict[str, Any]:
    """What a child of `parent` has to prove; the reward is that of a miner who begins a streak."""
    return {
        "parentHash": data(parent.header.hash),
        "number": quantity(required.number),
        "level": required.level,
        "work": quantity(required.work),
        "margin": required.margin,
        "controller": required.controller,
        "offset": required.offset,
        "overdue": required.overdue,
        "gateBits": spec.puzzle.gate_bits,
        "minDistance": spec.puzzle.min_distance,
        "minSolutions": spec.puzzle.min_solutions,
        "streak": parent.context.streak,
        "reward": quantity(block_reward(spec.rewards, 1, required.work, required.controller)),
    }


def totals_object(totals: MinerTotals) -> dict[str, Any]:
    """What one miner id did on the canonical chain."""
    return {"minerId": data(totals.miner_id), "blocks": totals.blocks, "earned": quantity(totals.earned)}
