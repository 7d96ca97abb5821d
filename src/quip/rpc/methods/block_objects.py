"""Blocks and proofs as JSON objects.

Ethereum's fields keep Ethereum's forms (quantities and data in hex). In quip_* objects, what may exceed 2^53 (work,
rewards, sums of work) is a hex quantity like everywhere; small counts and all signed numbers (energies, baseline,
margin, levels) are plain JSON integers. Levels are log2(work) in 16.16 fixed point.
"""

from functools import lru_cache
from typing import Any

from quip.chain.ports import MinerTotals, StoredBlock
from quip.chain.template import Template
from quip.consensus.execution.rewards import Rewards, flat_rewards, full_reward, own_payment
from quip.consensus.proof_of_work.difficulty import Requirements, requirements
from quip.consensus.proof_of_work.proof import max_energy
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import IncludedOmmer
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.ising.puzzle import Puzzle
from quip.primitives.hashes import keccak256
from quip.rpc.encoding import data, quantity
from quip.rpc.errors import CallFailed
from quip.rpc.methods.receipt_objects import recovered
from quip.rpc.methods.transaction_objects import Place, transaction_object
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


def block_object(stored: StoredBlock, full: bool = False) -> dict[str, Any]:
    """The answer of eth_getBlockBy*; `size` counts RLP([header, transactions, ommers' headers]), without seals.

    `full`: transactions as objects, not only their hashes.
    """
    header = stored.header
    return {
        **header_object(header, stored.context.total_difficulty),
        "size": quantity(stored.block.body_size()),
        "transactions": [
            transaction_object(transaction, Place(header, index))
            for index, transaction in enumerate(recovered(stored.transactions))
        ]
        if full
        else [data(keccak256(transaction)) for transaction in stored.transactions],
        "uncles": [data(ommer.included.hash) for ommer in stored.ommers],
    }


def uncle_object(ommer: IncludedOmmer) -> dict[str, Any]:
    """An ommer as go-ethereum writes uncles: a block of which only the header is known."""
    header = ommer.header
    size = Block(header, (), None).body_size()
    return {**header_object(header, ommer.context.total_difficulty), "size": quantity(size), "uncles": []}


def pending_object(template: Template, total_difficulty: int, full: bool = False) -> dict[str, Any]:
    """The block that would be mined now: what is not known yet is null, as go-ethereum writes it."""
    header, ommers = template.header, template.ommers
    size = Block(header, template.transactions, None, ommers).body_size()
    unknown = {"hash": None, "nonce": None, "miner": None}
    return {
        **header_object(header, total_difficulty),
        **unknown,
        "size": quantity(size),
        "transactions": [transaction_object(transaction) for transaction in recovered(template.transactions)]
        if full
        else [data(keccak256(transaction)) for transaction in template.transactions],
        "uncles": [data(ommer.header.hash) for ommer in ommers],
    }


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
        "reward": quantity(own_payment(spec, header, stored.context).amount),
        "payments": payments_object(stored.rewards or flat_rewards(spec, header, stored.context)),
        "minerId": data(header.miner_id),
        "beneficiary": data(header.beneficiary),
    }


def payments_object(rewards: Rewards) -> list[dict[str, Any]]:
    """All that a block paid, in order: for itself, for ommers, and what was held back of an older block's reward."""
    return [
        {"minerId": data(payment.miner_id), "address": data(payment.address), "amount": quantity(payment.amount)}
        for payment in rewards.payments
    ]


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
    """What a child of `parent` has to prove; the reward includes what is held back."""
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
        "reward": quantity(full_reward(spec, required.work, required.controller)),
    }


def totals_object(totals: MinerTotals) -> dict[str, Any]:
    """What one miner id did on the canonical chain."""
    return {"minerId": data(totals.miner_id), "blocks": totals.blocks, "earned": quantity(totals.earned)}
