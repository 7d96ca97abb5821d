"""The rules of headers and seals. `block_validation` says in which order a block meets them.

Each takes what it needs as arguments and raises the broken rule's own error. Nothing here reads the chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from quip._native import seal as native_seal
from quip.consensus.errors.header import (
    FutureBlock,
    GasLimitOutOfBounds,
    GasLimitStep,
    GasUsedAboveLimit,
    GateClosed,
    SeedMismatch,
    TimestampNotAfterParent,
    TooManyOmmers,
    WrongBaseFee,
    WrongDifficulty,
    WrongExtraData,
    WrongNumber,
    WrongOmmersHash,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import InvalidSignature, MissingSeal, WrongMiner, WrongSuite
from quip.consensus.execution import gas
from quip.consensus.proof_of_work.difficulty import Requirements, requirements
from quip.consensus.proof_of_work.proof import check_proof
from quip.consensus.spec.chain_spec import ChainSpec, DifficultySpec
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import EMPTY_OMMERS_HASH, MIN_EXTRA_SIZE, Header
from quip.consensus.types.seal import Seal
from quip.consensus.work.ladder import Point
from quip.ising.puzzle import Puzzle, gate_open, seed_of
from quip.primitives import hybrid
from quip.primitives.signature_errors import SignatureError


def check_gate(spec: ChainSpec, header: Header) -> None:
    """The header shows its gate work. Raises a GateError. Needs no parent."""
    seed = seed_of(header.sealing_hash, header.nonce)
    if header.mix_hash != seed:
        raise SeedMismatch(mix_hash=f"0x{header.mix_hash.hex()}", seed=f"0x{seed.hex()}")
    if not gate_open(seed, spec.puzzle.gate_bits):
        raise GateClosed(seed=f"0x{seed.hex()}", gate_bits=spec.puzzle.gate_bits)


def check_header(spec: ChainSpec, parent: Header, context: BlockContext, header: Header) -> Requirements:
    """The header is a lawful child of `parent` (whose context is `context`), whatever the time.

    Returns what its seal has to prove. Raises a HeaderError.
    """
    if header.number != parent.number + 1:
        raise WrongNumber(number=header.number, expected=parent.number + 1)
    if len(header.extra_data) < MIN_EXTRA_SIZE:
        raise WrongExtraData(size=len(header.extra_data))
    count = header.ommer_count
    if count > spec.ommers.limit:
        raise TooManyOmmers(count=count, limit=spec.ommers.limit)
    if (count == 0) != (header.ommers_hash == EMPTY_OMMERS_HASH):
        raise WrongOmmersHash(ommers_hash=f"0x{header.ommers_hash.hex()}", count=count)
    if header.timestamp <= parent.timestamp:
        raise TimestampNotAfterParent(timestamp=header.timestamp, parent=parent.timestamp)
    _check_gas(spec, parent, header)
    required = requirements(spec, parent, context, header.timestamp)
    if header.difficulty != required.work:
        raise WrongDifficulty(difficulty=header.difficulty, expected=required.work, level=required.level)
    return required


def check_time(spec: ChainSpec, header: Header, now: int) -> None:
    """The header's time has come at Unix time `now`. Raises FutureBlock."""
    limit = spec.difficulty.future_limit
    if header.timestamp > now + limit:
        raise FutureBlock(timestamp=header.timestamp, future_limit=limit, now=now)


def check_headers(
    spec: ChainSpec, parent: Header, context: BlockContext, headers: Sequence[Header], now: int
) -> list[tuple[Requirements, BlockContext]]:
    """The three above of a run of headers, each on the one before it, up to the first that is not good.

    What the good ones have to prove, and the context that follows each; they know their hashes afterwards. One native
    call. It only says which are good: the first that is missing is one whose parent is another, or that the three
    functions judge, which have the last word.
    """
    encoded = [header.encode() for header in headers]
    below = (context.total_difficulty, context.controller, context.next_controller, context.recent)
    checked = _native_rules(spec).check((parent.encode(), below), encoded, now)
    recent, size = context.recent, spec.difficulty.lag + 1
    judged: list[tuple[Requirements, BlockContext]] = []
    for header, (block_hash, required, (total, controller, following, own)) in zip(headers, checked, strict=False):
        header.hashed(block_hash)
        recent = (*recent, RecentBlock(*own))[-size:]
        judged.append((Requirements(*required), BlockContext(total, controller, following, recent)))
    return judged


@lru_cache(maxsize=8)
def _rules_of(
    gate_bits: int, gas_limits: tuple[int, int], levels: DifficultySpec, ladder: tuple[Point, ...], ommer_limit: int
) -> native_seal.HeaderRules:
    return native_seal.HeaderRules(gate_bits, gas_limits, levels, ladder, ommer_limit)


def _native_rules(spec: ChainSpec) -> native_seal.HeaderRules:
    limits = (spec.gas_limit_minimum, spec.gas_limit_maximum)
    return _rules_of(spec.puzzle.gate_bits, limits, spec.difficulty, spec.puzzle.ladder, spec.ommers.limit)


def check_signature(spec: ChainSpec, header: Header, seal: Seal | None) -> Seal:
    """The seal is signed by the miner that extraData names. Returns the seal. Raises a SealError."""
    if seal is None:
        raise MissingSeal(number=header.number)
    if seal.suite != hybrid.SUITE_MINING:
        raise WrongSuite(suite=seal.suite, expected=hybrid.SUITE_MINING)
    keys = hybrid.HybridKeys(seal.suite, seal.ecdsa_key, seal.xmss_key)
    try:
        miner_id = hybrid.miner_id(keys)
        if miner_id != header.miner_id:
            raise WrongMiner(miner_id=f"0x{miner_id.hex()}", claimed=f"0x{header.miner_id.hex()}")
        leaf = hybrid.leaf_of(seal.suite, seal.xmss_signature)
        digest = hybrid.block_digest(spec.chain_id, keys, leaf, header.hash)
        hybrid.verify(keys, digest, seal.ecdsa_signature, seal.xmss_signature)
    except SignatureError as error:
        raise InvalidSignature(f"{type(error).__name__}: {error}") from error
    return seal


def check_seal(spec: ChainSpec, puzzle: Puzzle, header: Header, seal: Seal | None, margin: int) -> Seal:
    """The seal proves the header's miner, and work by a margin (1/512 energy). Returns it. Raises a SealError."""
    signed = check_signature(spec, header, seal)
    check_proof(puzzle, header.mix_hash, signed.solutions, margin)
    return signed


def check_seals(
    spec: ChainSpec, puzzle: Puzzle, seals: Sequence[tuple[Header, Seal | None, int]]
) -> list[ConsensusError | None]:
    """`check_seal` of many: per seal None, or the rule it breaks. One native call finds the good ones.

    The native code only says good or not; what is wrong with a seal, `check_seal` decides, which has the last word. It
    also judges every seal whose baseline is remembered, because another seal of the same header failed: the native code
    would anneal again.
    """
    flat = [
        _flat(header, seal, margin) if seal and not puzzle.remembers(header.mix_hash) else None
        for header, seal, margin in seals
    ]
    good = iter(puzzle.verifier.good(spec.chain_id, [one for one in flat if one is not None]))
    return [
        None if one is not None and next(good) else _fault(spec, puzzle, header, seal, margin)
        for one, (header, seal, margin) in zip(flat, seals, strict=True)
    ]


def _flat(header: Header, seal: Seal, margin: int) -> tuple[bytes, bytes, bytes, int, bytes]:
    return header.hash, header.miner_id, header.mix_hash, margin, seal.encode()


def _fault(spec: ChainSpec, puzzle: Puzzle, header: Header, seal: Seal | None, margin: int) -> ConsensusError | None:
    try:
        check_seal(spec, puzzle, header, seal, margin)
    except ConsensusError as error:
        return error
    return None


def _check_gas(spec: ChainSpec, parent: Header, header: Header) -> None:
    low, high = spec.gas_limit_minimum, spec.gas_limit_maximum
    if not low <= header.gas_limit <= high:
        raise GasLimitOutOfBounds(gas_limit=header.gas_limit, minimum=low, maximum=high)
    step = gas.gas_limit_step(parent.gas_limit)
    if abs(header.gas_limit - parent.gas_limit) >= step:
        raise GasLimitStep(gas_limit=header.gas_limit, step_limit=step, parent=parent.gas_limit)
    if header.gas_used > header.gas_limit:
        raise GasUsedAboveLimit(gas_used=header.gas_used, gas_limit=header.gas_limit)
    expected = gas.next_base_fee(parent)
    if header.base_fee_per_gas != expected:
        raise WrongBaseFee(base_fee=header.base_fee_per_gas, expected=expected)
