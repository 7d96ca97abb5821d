"""The chain spec: every number of a network in one frozen value that is passed explicitly.

Levels are log2(work) in 16.16 fixed point, margins and B in 1/512 energy, times in seconds, money in wei.
What this file does not do: it reads no files (`networks.shipped`) and builds no graph (`proof.puzzle_rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec import document
from quip.consensus.spec.document import MAX_JSON_INTEGER
from quip.consensus.spec.reader import SpecReader, checked_boolean, checked_data, checked_integers
from quip.consensus.types.account_state import AccountChange
from quip.consensus.types.block import MAX_OMMERS
from quip.consensus.types.header import (
    ADDRESS_SIZE,
    HASH_SIZE,
    MAX_EXTRA_SIZE,
    MAX_UINT64,
    MAX_UINT256,
    MIN_EXTRA_SIZE,
    MINER_ID_SIZE,
    NONCE_SIZE,
)
from quip.consensus.work import ladder as ladders
from quip.consensus.work.ladder import Point
from quip.consensus.work.units import work
from quip.ising.puzzle import FIELDS
from quip.ising.topology import FAMILIES

EVM_FORKS = ("osaka",)
CUTOFF_ONE = 1 << 16
"""The cutoff that every 16-bit draw is below."""
MAX_LEVEL = 255 << 16
"""work(level) has to fit the header's 256 bits."""
MAX_HI = 191 << 16
"""2^64 blocks of at most this much work leave every total difficulty below 2^256."""
MAX_LAG = 64
"""Every block's context holds that many of the blocks below it."""
MAX_WINDOW = 1_024
"""Blocks that a node keeps at hand to judge the next one."""
MAX_M, MAX_T = 32, 8
"""Larger graphs are refused before anybody counts their couplers."""
REWARD_BITS = 128
"""2^64 blocks of less than 2^128 wei each and an alloc of at most 2^255 leave every balance below 2^256."""
MAX_CODE_SIZE = 24_576
"""EIP-170, in bytes."""
SLOT_SIZE = 32
"""Bytes of a storage slot's name, and of its value."""
MIN_GAS_LIMIT = 5_000
"""Ethereum's floor."""


@dataclass(frozen=True, slots=True)
class TopologySpec:
    """A perfect-yield graph by its parameters, less what is excluded."""

    family: str
    m: int
    t: int
    """4 for Pegasus, which has no such parameter."""
    excluded_nodes: tuple[int, ...]
    """Linear indices of the perfect graph."""
    excluded_couplers: tuple[tuple[int, int], ...]
    """Pairs of linear indices of the perfect graph."""
    digest: bytes
    """BLAKE3(u32le n || u32le couplers || u32le pairs) in canonical order."""

    def params(self) -> dict[str, object]:
        """What `quip.ising.topology.build_topology` takes."""
        return {
            "family": self.family,
            "m": self.m,
            "t": self.t,
            "excluded_nodes": list(self.excluded_nodes),
            "excluded_couplers": [list(pair) for pair in self.excluded_couplers],
        }


@dataclass(frozen=True, slots=True)
class PuzzleSpec:
    """The puzzle of one network."""

    topology: TopologySpec
    fields: str
    gate_bits: int
    min_solutions: int
    min_distance: int
    sweeps: int
    baseline_cap: int
    """B_cap, mean + 8 sd of B, in 1/512 energy."""
    cutoffs: tuple[tuple[int, ...], ...]
    """[sweep][k], k from 0 to the largest degree + 1."""
    ladder: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class DifficultySpec:
    """Controller, overdue rule and streak rule."""

    start: int
    lo: int
    hi: int
    target_block_time: int
    """T, seconds."""
    half_life: int
    """Seconds of deviation that halve or double the work."""
    outage_cap: int
    """A block time counts at most outage_cap * T."""
    lag: int
    """Controller and streak rule of a block read nothing newer than `lag` blocks below its parent."""
    overdue_after: int
    """The level falls once a block is later than overdue_after * T."""
    overdue_rate: int
    """Levels (16.16) per T."""
    overdue_limit: int
    """Levels (16.16)."""
    streak_rate: int
    """Levels (16.16) per block of a streak."""
    streak_limit: int
    """Blocks of a streak that count."""
    future_limit: int
    """Seconds that a timestamp may be ahead of the clock."""


@dataclass(frozen=True, slots=True)
class RewardSpec:
    """What a block pays."""

    base_reward: int
    """Wei."""
    streak_multiplier: tuple[int, ...]
    """Percent for the 1st, 2nd, ... of a counted streak, which begins anew after the last; 100 alone without ommers."""


@dataclass(frozen=True, slots=True)
class OmmerSpec:
    """Which losing blocks may be shown, and what of a reward waits for them."""

    window: int
    """W: an ommer's number is at most so far below the including block's."""
    limit: int
    """Ommers in a block. 0: there are none, rewards are flat and paid at once."""
    holdback: int
    """1 / holdback of a reward is paid only once nobody has shown an ommer of that number."""
    fork_factor: int
    """An ommer's difficulty times this is at least the work that the controller asked for where its branch left..."""
    chain_factor: int
    """...and times this at least what it asks for at the block that shows it."""


@dataclass(frozen=True, slots=True)
class GenesisAccount:
    """One account of the genesis state; without nonce, balance and code (EIP-161) it is not there."""

    address: bytes
    account: AccountChange


@dataclass(frozen=True, slots=True)
class GenesisFields:
    """The genesis header's free fields."""

    timestamp: int
    gas_limit: int
    base_fee_per_gas: int
    extra_data: bytes
    beneficiary: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class ChainSpec:
    """One network. Two nodes with different specs have different genesis blocks, by `digest`."""

    digest: bytes
    """keccak256 of the document's canonical form."""
    chain_id: int
    name: str
    developer: bool
    """A developer's chain: its blocks cost nothing, and a node may make them on demand, one for a transaction."""
    puzzle: PuzzleSpec
    difficulty: DifficultySpec
    rewards: RewardSpec
    ommers: OmmerSpec
    gas_limit_minimum: int
    gas_limit_maximum: int
    evm_fork: str
    alloc: tuple[GenesisAccount, ...]
    system: tuple[tuple[str, bytes], ...]
    """(name, address) of the system contracts."""
    genesis: GenesisFields


def parse_spec(data: bytes) -> ChainSpec:
    """The spec in a JSON file's bytes. Raises InvalidSpec naming the field."""
    parsed = document.parse_document(data)
    reader = SpecReader("", parsed)
    gas = reader.section("gas_limit")
    minimum = gas.integer("minimum", MIN_GAS_LIMIT)
    difficulty = _difficulty(reader.section("difficulty"))
    spec = ChainSpec(
        digest=document.digest(parsed),
        chain_id=reader.integer("chain_id", 1),
        name=_name(reader),
        developer=checked_boolean("developer", reader.value("developer")),
        puzzle=_puzzle(reader.section("puzzle"), difficulty),
        difficulty=difficulty,
        rewards=_rewards(reader.section("rewards")),
        ommers=_ommers(reader.section("ommers")),
        gas_limit_minimum=minimum,
        gas_limit_maximum=gas.integer("maximum", minimum),
        evm_fork=reader.text("evm_fork", EVM_FORKS),
        alloc=_alloc(reader),
        system=_system(reader),
        genesis=_genesis(reader.section("genesis")),
    )
    gas.finish()
    reader.finish()
    if not spec.gas_limit_minimum <= spec.genesis.gas_limit <= spec.gas_limit_maximum:
        raise InvalidSpec("genesis.gas_limit", f"{spec.genesis.gas_limit} is outside gas_limit's bounds")
    if not spec.ommers.limit and spec.rewards.streak_multiplier != (100,):
        raise InvalidSpec("rewards.streak_multiplier", "without ommers rewards are flat: [100]")
    if largest_reward(spec) >= 1 << REWARD_BITS:
        raise InvalidSpec(
            "rewards", f"a block at hi could pay 2^{REWARD_BITS} wei or more: no balance holds 2^64 of them"
        )
    return spec


def largest_reward(spec: ChainSpec) -> int:
    """The most wei that a height may ever pay, hold-back and bonus too: the highest percentage, at level hi with the
    controller at lo."""
    low, high = work(spec.difficulty.lo), work(spec.difficulty.hi)
    return spec.rewards.base_reward * max(spec.rewards.streak_multiplier) * high // (100 * low)


def _name(reader: SpecReader) -> str:
    name = reader.text("name")
    if not 1 <= len(name) <= 32 or not all(char.isascii() and (char.isalnum() or char in "-_") for char in name):
        raise InvalidSpec("name", "1 to 32 letters, digits, '-' or '_'")
    return name


def _puzzle(reader: SpecReader, difficulty: DifficultySpec) -> PuzzleSpec:
    baseline = reader.section("baseline")
    sweeps = baseline.integer("sweeps", 1, 4_096)
    puzzle = PuzzleSpec(
        topology=_topology(reader.section("topology")),
        fields=reader.text("fields", FIELDS),
        gate_bits=reader.integer("gate_bits", 0, 63),
        min_solutions=reader.integer("min_solutions", 1, 1_024),
        min_distance=reader.integer("min_distance", 0, 1 << 24),
        sweeps=sweeps,
        baseline_cap=baseline.integer("cap", -MAX_JSON_INTEGER),
        cutoffs=_cutoffs(baseline, sweeps),
        ladder=_ladder(reader, difficulty),
    )
    baseline.finish()
    reader.finish()
    return puzzle


def _topology(reader: SpecReader) -> TopologySpec:
    couplers = reader.rows("excluded_couplers", 0, 1 << 24)
    if any(len(pair) != 2 for pair in couplers):
        raise InvalidSpec(reader.path("excluded_couplers"), "a coupler is two nodes")
    topology = TopologySpec(
        family=reader.text("family", FAMILIES),
        m=reader.integer("m", 1, MAX_M),
        t=reader.integer("t", 1, MAX_T),
        excluded_nodes=reader.integers("excluded_nodes", 0, 1 << 24),
        excluded_couplers=tuple((pair[0], pair[1]) for pair in couplers),
        digest=reader.data("digest", HASH_SIZE, HASH_SIZE),
    )
    reader.finish()
    if topology.family == "pegasus" and topology.t != 4:
        raise InvalidSpec(reader.path("t"), "Pegasus has no t; write 4")
    return topology


def _cutoffs(reader: SpecReader, sweeps: int) -> tuple[tuple[int, ...], ...]:
    cutoffs = reader.rows("cutoffs", 0, CUTOFF_ONE)
    path = reader.path("cutoffs")
    if len(cutoffs) != sweeps:
        raise InvalidSpec(path, f"{len(cutoffs)} rows for {sweeps} sweeps")
    for index, row in enumerate(cutoffs):
        if len(row) != len(cutoffs[0]) or len(row) < 2:
            raise InvalidSpec(f"{path}[{index}]", f"{len(row)} entries")
        if row[0] != CUTOFF_ONE:
            raise InvalidSpec(f"{path}[{index}]", f"begins with {row[0]}, not {CUTOFF_ONE}")
        if any(later > earlier for earlier, later in pairwise(row)):
            raise InvalidSpec(f"{path}[{index}]", "rises")
    return cutoffs


def _ladder(reader: SpecReader, difficulty: DifficultySpec) -> tuple[Point, ...]:
    path = reader.path("ladder")
    rows = reader.rows("ladder", -MAX_JSON_INTEGER, MAX_JSON_INTEGER)
    for index, row in enumerate(rows):
        checked_integers(f"{path}[{index}]", row[:1], 0, MAX_LEVEL)
        if len(row) != 2:
            raise InvalidSpec(f"{path}[{index}]", "a point is [level, margin]")
    points = tuple((row[0], row[1]) for row in rows)
    fault = ladders.fault_of(points, difficulty.lo, difficulty.hi)
    if fault:
        raise InvalidSpec(path, fault)
    return points


def _difficulty(reader: SpecReader) -> DifficultySpec:
    overdue = reader.section("overdue")
    streak = reader.section("streak")
    lo = reader.integer("lo", 0, MAX_HI)
    hi = reader.integer("hi", lo, MAX_HI)
    spec = DifficultySpec(
        start=reader.integer("start", lo, hi),
        lo=lo,
        hi=hi,
        target_block_time=reader.integer("target_block_time", 1, 1 << 20),
        half_life=reader.integer("half_life", 1, 1 << 32),
        outage_cap=reader.integer("outage_cap", 1, 1 << 20),
        lag=reader.integer("lag", 0, MAX_LAG),
        overdue_after=overdue.integer("after", 1, 1 << 20),
        overdue_rate=overdue.integer("rate", 0, MAX_LEVEL),
        overdue_limit=overdue.integer("limit", 0, MAX_LEVEL),
        streak_rate=streak.integer("rate", 0, MAX_LEVEL),
        streak_limit=streak.integer("limit", 0, 1_024),
        future_limit=reader.integer("future_limit", 1, 1 << 32),
    )
    overdue.finish()
    streak.finish()
    reader.finish()
    return spec


def _rewards(reader: SpecReader) -> RewardSpec:
    spec = RewardSpec(
        base_reward=reader.decimal("base_reward", 0, MAX_UINT64 * 10**6),
        streak_multiplier=reader.integers("streak_multiplier", 100, 10_000),
    )
    if not 1 <= len(spec.streak_multiplier) <= 64:
        raise InvalidSpec(reader.path("streak_multiplier"), "1 to 64 entries")
    if spec.streak_multiplier[0] != 100 or any(low > high for low, high in pairwise(spec.streak_multiplier)):
        raise InvalidSpec(reader.path("streak_multiplier"), "begins with 100 and never falls")
    reader.finish()
    return spec


def _ommers(reader: SpecReader) -> OmmerSpec:
    spec = OmmerSpec(
        window=reader.integer("window", 1, MAX_WINDOW),
        limit=reader.integer("limit", 0, MAX_OMMERS),
        holdback=reader.integer("holdback", 1, 1 << 16),
        fork_factor=reader.integer("fork_factor", 1, 1 << 16),
        chain_factor=reader.integer("chain_factor", 1, 1 << 16),
    )
    reader.finish()
    return spec


def _alloc(reader: SpecReader) -> tuple[GenesisAccount, ...]:
    section = reader.section("alloc")
    accounts: list[GenesisAccount] = []
    for name in section.names():
        entry = section.section(name)
        address = checked_data(section.path(name), name, ADDRESS_SIZE, ADDRESS_SIZE)
        accounts.append(GenesisAccount(address, _genesis_account(entry)))
        entry.finish()
    if sum(one.account.balance for one in accounts) > MAX_UINT256 // 2:
        raise InvalidSpec(reader.path("alloc"), "more than 2^255 wei in all")
    return tuple(accounts)


def _genesis_account(entry: SpecReader) -> AccountChange:
    """Code and storage may be left out: most accounts have neither."""
    balance, nonce = entry.decimal("balance", 0, MAX_UINT256), entry.integer("nonce", 0)
    names = entry.names()
    code = entry.data("code", 1, MAX_CODE_SIZE) if "code" in names else b""
    storage: dict[bytes, bytes] = {}
    if "storage" in names:
        slots = entry.section("storage")
        for name in slots.names():
            slot = checked_data(slots.path(name), name, SLOT_SIZE, SLOT_SIZE)
            storage[slot] = slots.data(name, SLOT_SIZE, SLOT_SIZE)
        slots.finish()
    return AccountChange(nonce, balance, code, storage)


def _system(reader: SpecReader) -> tuple[tuple[str, bytes], ...]:
    section = reader.section("system")
    return tuple((name, section.data(name, ADDRESS_SIZE, ADDRESS_SIZE)) for name in section.names())


def _genesis(reader: SpecReader) -> GenesisFields:
    genesis = GenesisFields(
        timestamp=reader.integer("timestamp", 0),
        gas_limit=reader.integer("gas_limit", MIN_GAS_LIMIT),
        base_fee_per_gas=reader.decimal("base_fee_per_gas", 0, MAX_UINT64),
        extra_data=reader.data("extra_data", MIN_EXTRA_SIZE, MAX_EXTRA_SIZE),
        beneficiary=reader.data("beneficiary", ADDRESS_SIZE, ADDRESS_SIZE),
        nonce=reader.data("nonce", NONCE_SIZE, NONCE_SIZE),
    )
    reader.finish()
    if genesis.extra_data[MINER_ID_SIZE] != 0:
        raise InvalidSpec(reader.path("extra_data"), "genesis has no ommers: byte 20 is 0")
    return genesis
