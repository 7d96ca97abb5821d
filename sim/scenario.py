"""From a seed to a scenario: how many nodes, who knows whom, how the weather is, what goes wrong when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from quip.net.address import Address
from sim.world.network import Weather

PORT = 20_049
CALM_S = 25.0
"""Before the first fault: everybody finds the others."""
LONGEST_FAULT_S = 110.0
FIRST_LIAR = 20
"""Numbers from here on are liars'."""


class Kind(Enum):
    """What can go wrong."""

    SPLIT = "split"
    """Two groups do not hear each other."""
    LONER = "loner"
    """The same, one node against all others."""
    ONE_WAY = "one way"
    """One group does not hear the other; no acknowledgements either."""
    CRASH = "crash"
    """Nodes die between two events and come back."""
    POWER = "power"
    """The power goes in the middle of a commit; what was not synced is lost, in part."""
    SKEW = "skew"
    """Clocks are wrong, by less than the future limit."""
    AHEAD = "ahead"
    """A miner's clock is further ahead than the future limit."""
    STALE = "stale"
    """A node comes late, with an old chain."""
    DEEP = "deep"
    """A node comes late, with a long branch of its own that left the others' chain long ago."""
    FREEZE = "freeze"
    """Nodes stand still for a while, as a suspended machine does, and go on."""
    DISK_FULL = "disk full"
    LOSS = "loss"
    """Links lose a good part of everything."""
    SLOW = "slow"
    """Long delays, much jitter, narrow links."""
    LIARS = "liars"


class Manner(Enum):
    """How a liar lies."""

    MUTANTS = "mutants"
    """Pushes and serves blocks that break one rule each."""
    WRONG_PARTS = "wrong parts"
    """Serves wrong seals and bodies under good hashes, and pushes good headers with wrong seals."""
    FALSE_CLAIMS = "false claims"
    """Claims much work, has headers for it, and never a seal."""
    GARBAGE = "garbage"
    """Sends bytes that are no frames."""
    SILENCE = "silence"
    """Joins, claims the real head, and answers nothing."""
    EARLY = "early"
    """Sends good blocks long before their time."""
    SIDES = "sides"
    """Sends good blocks that build on old ones, many of them."""
    DRIP = "drip"
    """Has a branch with some work behind it, claims a thousand times as much, and gives a seal every few seconds."""
    SYBILS = "sybils"
    """Comes under ever more node ids, each of which claims much work and says nothing."""
    TWINS = "twins"
    """Sends good blocks with good and with wrong seals, in quick succession."""
    FRAME = "frame"
    """Tells one node alone what the node would be blamed for if it passed it on."""
    BAD_OMMERS = "bad ommers"
    """Shows what is no ommer, ommers under wrong seals, or fewer than it says."""


LATE = (Kind.STALE, Kind.DEEP)
"""Nodes that these befall come when the fault begins."""
RIVALS = ((Kind.SKEW, Kind.AHEAD), (Kind.DISK_FULL, Kind.CRASH, Kind.POWER))
"""A clock can be wrong in one way only; a disk is not full after a crash."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """One fault: from when to when, and whom it befalls (indices of honest nodes)."""

    kind: Kind
    begin_s: float
    end_s: float
    nodes: tuple[int, ...]
    strength: float
    """In 0..1: seconds of skew, share of loss, ... of what the kind allows."""


@dataclass(frozen=True, slots=True)
class LiarPlan:
    """One liar."""

    number: int
    address: Address
    manner: Manner
    begin_s: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that a run is made of."""

    seed: int
    shares: tuple[float, ...]
    """Of the hash rate, one per honest node."""
    manual: tuple[tuple[int, ...], ...]
    """Whom each is told to dial, by index."""
    weather: Weather
    history: int
    """Blocks that the network has already at the start."""
    faults: tuple[FaultPlan, ...]
    liars: tuple[LiarPlan, ...]
    transactions: int = 0
    """That users send, each to some node, until the last fault ends."""

    @property
    def nodes(self) -> int:
        """Honest ones."""
        return len(self.shares)

    @property
    def heal_s(self) -> float:
        """When the last fault is planned to end."""
        return max((fault.end_s for fault in self.faults), default=CALM_S)

    def describe(self) -> str:
        """A few lines for people."""
        lines = [f"{self.nodes} nodes, {self.history} blocks of history, {self.weather}"]
        for fault in self.faults:
            who = ", ".join(f"n{index + 1}" for index in fault.nodes) or "all"
            lines.append(
                f"  {fault.begin_s:5.0f}..{fault.end_s:.0f} s  {fault.kind.value} ({fault.strength:.2f}): {who}"
            )
        lines.extend(f"  {liar.begin_s:5.0f} s      liar {liar.number}: {liar.manner.value}" for liar in self.liars)
        return "\n".join(lines)


def honest_address(index: int) -> Address:
    """Every honest node is in a netgroup of its own."""
    return Address(f"{51 + index}.{index}.0.1", PORT)


def scenario_of(seed: int) -> Scenario:
    """Deterministic. Every kind of fault is the main one of every so many-th seed."""
    rng = random.Random(f"scenario {seed}")
    main = tuple(Kind)[seed % len(Kind)]
    nodes = rng.randint(4, 8)
    extra: list[Kind] = []
    for kind in rng.sample([kind for kind in Kind if kind not in LATE], rng.randint(0, 2)):
        rivals = [kind, *(other for group in RIVALS if kind in group for other in group)]
        if not {main, *extra} & set(rivals):
            extra.append(kind)
    faults = [_fault(rng, kind, nodes) for kind in (main, *extra) if kind is not Kind.LIARS]
    weights = [rng.random() + 0.1 for _ in range(nodes)]
    for fault in faults:
        if fault.kind in (Kind.AHEAD, Kind.POWER, Kind.LONER):
            weights[fault.nodes[0]] = sum(weights) / 2
    liars = _liars(rng) if Kind.LIARS in (main, *extra) else ()
    if main is Kind.STALE and not liars:  # somebody to whom it turns in vain
        liars = (_liar(rng, 0, rng.choice((Manner.SILENCE, Manner.DRIP, Manner.SYBILS))),)
    return Scenario(
        seed=seed,
        shares=tuple(weight / sum(weights) for weight in weights),
        manual=tuple(_known(rng, index, nodes) for index in range(nodes)),
        weather=Weather(
            delay_s=rng.choice((0.005, 0.03, 0.1)),
            jitter_s=rng.choice((0.001, 0.02, 0.1)),
            loss=rng.choice((0.0, 0.0, 0.02)),
            pieces=rng.choice((0.0, 0.1, 0.4)),
        ),
        history=_history(rng, main),
        faults=tuple(faults),
        liars=liars,
    )


def _fault(rng: random.Random, kind: Kind, nodes: int) -> FaultPlan:
    begin_s = CALM_S + rng.uniform(0, 30)
    end_s = begin_s + rng.uniform(0.3, 1.0) * LONGEST_FAULT_S
    everybody = list(range(nodes))
    rng.shuffle(everybody)
    count = {
        Kind.SPLIT: nodes // 2,
        Kind.ONE_WAY: rng.choice((1, nodes // 2)),
        Kind.CRASH: rng.randint(1, nodes),
        Kind.FREEZE: rng.randint(1, nodes // 2),
        Kind.SKEW: rng.randint(1, nodes),
        Kind.LOSS: 0,
        Kind.SLOW: 0,
    }.get(kind, 1)
    if kind in LATE:
        end_s = begin_s + 1
    return FaultPlan(kind, begin_s, end_s, tuple(sorted(everybody[:count])), rng.random())


def _history(rng: random.Random, main: Kind) -> int:
    if main is Kind.DEEP:
        return rng.randint(70, 90)  # now this branch is the heavier one, now that
    return rng.choice((20, 60) if main is Kind.STALE else (0, 0, 5, 20))


def _liars(rng: random.Random) -> tuple[LiarPlan, ...]:
    manners = rng.choices(list(Manner), k=rng.randint(1, 5))
    return tuple(_liar(rng, place, manner) for place, manner in enumerate(manners))


def _liar(rng: random.Random, place: int, manner: Manner) -> LiarPlan:
    return LiarPlan(FIRST_LIAR + place, Address(f"{101 + place}.7.0.1", PORT), manner, rng.uniform(1, CALM_S))


def _known(rng: random.Random, index: int, nodes: int) -> tuple[int, ...]:
    """The next one in a ring, so that all are connected, and perhaps another; some dial each other."""
    return tuple(sorted({(index + 1) % nodes, rng.randrange(nodes)} - {index}))
