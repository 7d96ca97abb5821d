"""The native header rules against the clear ones: random specs, lawful runs of headers, and what is changed in them."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus import rules
from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution.gas import next_base_fee
from quip.consensus.proof_of_work.difficulty import Requirements, child_context, requirements
from quip.consensus.spec.chain_spec import MAX_LAG, MAX_LEVEL, ChainSpec, DifficultySpec, OmmerSpec
from quip.consensus.types.block_context import BlockContext, RecentBlock
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, MAX_UINT64, MAX_UINT256, Header
from quip.consensus.work.units import exact_work, work
from quip.ising.puzzle import search_gate
from support.chains import network_spec
from support.examples import examples

NOW = 1 << 40
JSON_MAX = (1 << 53) - 1


def random_spec(rng: Random) -> ChainSpec:
    """A spec within the bounds of its fields, and often at them."""

    def number(low: int, high: int) -> int:
        return rng.choice([low, high, rng.randint(low, high), rng.randint(low, min(high, low + 40))])

    low, high = sorted(number(0, MAX_LEVEL) for _ in "12")
    levels = DifficultySpec(
        start=number(low, high), lo=low, hi=high, target_block_time=number(1, 1 << 20), half_life=number(1, 1 << 32),
        outage_cap=number(1, 1 << 20), lag=rng.choice([0, 1, 2, 8, MAX_LAG]), overdue_after=number(1, 1 << 20),
        overdue_rate=number(0, MAX_LEVEL), overdue_limit=number(0, MAX_LEVEL), streak_rate=number(0, MAX_LEVEL),
        streak_limit=number(0, 1_024), future_limit=number(1, 1 << 32),
    )  # fmt: skip
    points = sorted({0, low, high, MAX_LEVEL, rng.randint(0, MAX_LEVEL), low + (high - low) // 3})
    margins = sorted(rng.sample(range(-JSON_MAX, JSON_MAX), len(points)))
    spec = network_spec()
    puzzle = replace(spec.puzzle, gate_bits=rng.choice([0, 1, 3]), ladder=tuple(zip(points, margins, strict=True)))
    highest = rng.choice([JSON_MAX, 1 << 40, 5_000_000])
    ommers = OmmerSpec(window=256, limit=rng.choice([0, 1, 4]), holdback=16, fork_factor=4, chain_factor=16)
    spec = replace(spec, gas_limit_minimum=5_000, gas_limit_maximum=highest)
    return replace(spec, puzzle=puzzle, difficulty=levels, ommers=ommers)


def random_parent(rng: Random, spec: ChainSpec) -> tuple[Header, BlockContext]:
    """A header and a context that some chain of this spec might have."""
    limit = rng.choice([5_000, 5_001, spec.gas_limit_maximum, rng.randint(5_000, spec.gas_limit_maximum)])
    parent = Header(
        parent_hash=rng.randbytes(32), ommers_hash=EMPTY_OMMERS_HASH, beneficiary=rng.randbytes(20),
        state_root=rng.randbytes(32), transactions_root=EMPTY_TRIE_ROOT, receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=EMPTY_BLOOM, difficulty=rng.choice([0, 1, MAX_UINT256]),
        number=rng.choice([0, 1, 2, 1_000, MAX_UINT64 - 8]), gas_limit=limit,
        gas_used=rng.choice([0, limit // 2, limit, rng.randint(0, limit)]),
        timestamp=rng.choice([0, NOW - 5, rng.randint(0, NOW)]), extra_data=rng.choice([b"", b"a" * 20, b"b" * 32]),
        mix_hash=rng.randbytes(32), nonce=rng.randbytes(8),
        base_fee_per_gas=rng.choice([0, 7, 8, 10**9, MAX_UINT256 // 2, MAX_UINT256]),
    )  # fmt: skip
    levels = spec.difficulty
    context = BlockContext(
        total_difficulty=rng.choice([0, rng.getrandbits(64), rng.getrandbits(300)]),
        controller=rng.randint(levels.lo, levels.hi), next_controller=rng.choice([levels.lo, levels.hi, levels.start]),
        recent=random_recent(rng, parent, levels.lag),
    )  # fmt: skip
    return parent, context


def random_recent(rng: Random, parent: Header, lag: int) -> tuple[RecentBlock, ...]:
    """As many as the context of that block has."""
    timestamps = [parent.timestamp]
    while len(timestamps) <= min(lag, parent.number):
        timestamps.insert(0, max(0, timestamps[0] - rng.choice([1, 30, 1 << 30])))
    return tuple(
        RecentBlock(stamp, rng.choice([0, 0, 1, 4]), rng.choice([0, 1, 2, 7, 5_000]), rng.choice([0, 1, 2, 7, 5_000]))
        for stamp in timestamps
    )


def opened(spec: ChainSpec, header: Header) -> Header:
    """The header with a nonce that opens the gate."""
    found = search_gate(header.sealing_hash, 0, 1 << 20, spec.puzzle.gate_bits)
    assert found is not None
    return replace(header, nonce=found[0].to_bytes(8, "big"), mix_hash=found[1])


def child(rng: Random, spec: ChainSpec, parent: Header, context: BlockContext) -> Header:
    """A child that is lawful, unless the parent leaves none."""
    step = (parent.gas_limit // 1_024) - 1
    limit = min(spec.gas_limit_maximum, max(5_000, parent.gas_limit + rng.choice([0, step, -step])))
    timestamp = min(parent.timestamp + rng.choice([1, 2, 30, 1 << 10, 1 << 33, 1 << 60]), MAX_UINT64)
    count = rng.choice([0, 0, spec.ommers.limit, rng.randint(0, spec.ommers.limit)])
    extra = rng.choice([b"a" * 20, b"b" * 20]) + bytes([count]) + bytes(rng.randrange(12))
    header = Header(
        parent_hash=parent.hash, ommers_hash=rng.randbytes(32) if count else EMPTY_OMMERS_HASH,
        beneficiary=rng.randbytes(20), state_root=rng.randbytes(32), transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT, logs_bloom=EMPTY_BLOOM,
        difficulty=requirements(spec, parent, context, timestamp).work,
        number=min(parent.number + 1, MAX_UINT64), gas_limit=limit, gas_used=rng.choice([0, limit // 2, limit]),
        timestamp=timestamp, extra_data=extra, mix_hash=bytes(32), nonce=bytes(8),
        base_fee_per_gas=min(next_base_fee(parent), MAX_UINT256),
    )  # fmt: skip
    return opened(spec, header)


def changed(rng: Random, spec: ChainSpec, header: Header) -> Header:
    """The header with one field changed, its gate open again or not."""
    numbers = ("difficulty", "number", "gas_limit", "gas_used", "timestamp", "base_fee_per_gas")
    name = rng.choice([*numbers, "parent_hash", "ommers_hash", "extra_data", "mix_hash", "nonce", "state_root"])
    value = getattr(header, name)
    top = MAX_UINT256 if name in ("difficulty", "base_fee_per_gas") else MAX_UINT64
    new: Any
    if isinstance(value, int):
        new = min(top, max(0, rng.choice([0, top, value + 1, value - 1, value * 2, value + 1_000])))
    elif name == "extra_data":
        new = rng.choice([value[:19], b"", value[:20], b"c" * 32])
    else:
        new = bytes([value[0] ^ 1]) + value[1:]
    changes: dict[str, Any] = {name: new}
    mutant = replace(header, **changes)
    return opened(spec, mutant) if rng.random() < 0.7 else mutant


def clear(
    spec: ChainSpec, parent: Header, context: BlockContext, headers: list[Header], now: int
) -> list[tuple[Requirements, BlockContext]]:
    """What `check_headers` says, by the clear functions."""
    lawful = []
    for header in headers:
        if header.parent_hash != parent.hash:
            break
        try:
            rules.check_gate(spec, header)
            required = rules.check_header(spec, parent, context, header)
            rules.check_time(spec, header, now)
        except ConsensusError:
            break
        context = child_context(spec.difficulty, parent, context, header)
        lawful.append((required, context))
        parent = header
    return lawful


@examples(60)
@given(st.integers(0, 1 << 32))
def test_native_and_clear_rules_agree(seed: int) -> None:
    rng = Random(seed)
    spec = random_spec(rng)
    parent, context = random_parent(rng, spec)
    headers: list[Header] = []
    tip, tip_context = parent, context
    for _ in range(6):
        header = child(rng, spec, tip, tip_context)
        headers.append(header)
        tip_context = child_context(spec.difficulty, tip, tip_context, header)
        tip = header
    for now in (NOW, 1 << 62):
        expected = clear(spec, parent, context, headers, now)
        assert rules.check_headers(spec, parent, context, headers, now) == expected, seed
        for _ in range(8):
            place = rng.randrange(len(headers))
            mutants = [*headers[:place], changed(rng, spec, headers[place]), *headers[place + 1 :]]
            expected = clear(spec, parent, context, mutants, now)
            assert rules.check_headers(spec, parent, context, mutants, now) == expected, seed


def test_random_runs_are_lawful_often_enough() -> None:
    """Else the test above compares nothing with nothing."""
    lengths = []
    for seed in range(60):
        rng = Random(seed)
        spec = random_spec(rng)
        parent, context = random_parent(rng, spec)
        lengths.append(len(rules.check_headers(spec, parent, context, [child(rng, spec, parent, context)], 1 << 62)))
    assert sum(lengths) > 20


@examples(100)
@given(st.integers(0, MAX_LEVEL))
def test_work_is_equal_at_every_level(level: int) -> None:
    assert work(level) == exact_work(level)
    spec = network_spec()
    levels = replace(spec.difficulty, start=level, lo=level, hi=level)
    puzzle = replace(spec.puzzle, gate_bits=0, ladder=((0, -5), (MAX_LEVEL, 5)))
    spec = replace(spec, difficulty=levels, puzzle=puzzle)
    parent, context = random_parent(Random(1), spec)
    parent = replace(parent, timestamp=5, number=3, base_fee_per_gas=7)
    header = opened(spec, replace(child(Random(2), spec, parent, context), difficulty=exact_work(level)))
    ((required, following),) = rules.check_headers(spec, parent, context, [header], 1 << 62)
    assert required.work == exact_work(level)
    assert following.total_difficulty == context.total_difficulty + exact_work(level)


def test_lawful_headers_know_their_hash() -> None:
    rng = Random(3)
    spec = replace(network_spec(), puzzle=replace(network_spec().puzzle, gate_bits=0))
    parent, context = random_parent(rng, spec)
    parent = replace(parent, timestamp=5, number=3, base_fee_per_gas=7, gas_limit=1_000_000, gas_used=0)
    header = Header.decode(child(rng, spec, parent, context).encode())
    assert rules.check_headers(spec, parent, context, [header], 1 << 62)
    assert header.hash == Header.from_item(header.fields()).hash


@pytest.mark.parametrize("headers", [[], [b"x"]])
def test_nothing_is_made_of_nothing(headers: list[bytes]) -> None:
    spec = network_spec()
    parent, context = random_parent(Random(1), spec)
    odd = [replace(parent, extra_data=extra * 40) for extra in headers]
    assert rules.check_headers(spec, parent, context, odd, NOW) == []
