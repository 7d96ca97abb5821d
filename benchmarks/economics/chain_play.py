"""One miner's policy played on a chain: every level, streak, weight and reward is what the law says of real headers.

Only how long it takes to find a block is drawn (exponential, by work in force and share of the work). Everything else
is asked: `requirements` and `child_context` for levels, `is_heavier` for the fork choice; rewards are `ommers.incomes`.
Honest miners are many and small, stamp the time of their clocks, mine on the heaviest branch they have seen and know
each other's blocks at once.

What this file does not do: it anneals and signs nothing. A header here has no seed and no roots.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.economics import ommers as ommer_rules
from benchmarks.economics.ommers import OmmerRules, Played
from benchmarks.economics.withholding import (
    ADOPT,
    ADOPT_ALL_BUT_ONE,
    ADOPT_AND_SHOW,
    LAST_OWN,
    LAST_PUBLIC,
    MATCH,
    OVERRIDE,
    OVERRIDE_ALL,
    RACING,
    WAIT,
)
from quip.consensus.proof_of_work import difficulty
from quip.consensus.proof_of_work.fork_choice import is_heavier
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, Header
from quip.consensus.work.units import work

OWN = b"\x01"
"""The first byte of every identity of the miner's."""
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the miner knows when it decides."""

    own: int
    public: int
    seen: int
    race: int
    lag_s: float
    """Now less the base's stamp."""
    won: tuple[int, int] | None
    """Since the last decision: own blocks that became canonical, public ones they replaced; (0, 0): own given up."""


Policy = Callable[[Situation], int]


@dataclass(slots=True)
class World:
    """One seed's chain."""

    spec: ChainSpec
    share: float
    gamma: float
    rng: random.Random
    ommers: OmmerRules | None = None
    speed: float = 1.0
    """Of all miners together; 1 finds a block in T at the start level."""
    own_cost_power: float = 1.0
    """The miner's cost of a block grows with this power of the work; at the start level it is everybody's."""
    backdates_s: float = 0.0
    """Private blocks are stamped so long before the clock, if they may."""
    longest_streak: int = 1
    """Blocks in a row under one identity of the miner's; then it takes a fresh one."""
    streaks_when_hidden: bool = False
    """Only where its orphans can't be shown: elsewhere every block has a fresh identity, which eases nothing."""
    now: float = 0.0
    history: list[Played] = field(default_factory=list)
    """Canonical blocks up to the base."""
    own: list[Played] = field(default_factory=list)
    public: list[Played] = field(default_factory=list)
    orphans: list[Played] = field(default_factory=list)
    """Known to the honest miners, and not an ommer up to the base."""
    seen: int = 0
    race: int = LAST_OWN
    won: tuple[int, int] | None = None
    counted: int = 0
    """The counted streak of the base, if that is the miner's."""
    made: int = 0

    def __post_init__(self) -> None:
        genesis = _header(0, self.spec.genesis.timestamp, 0, bytes(20))
        self.history.append(Played(0, genesis, difficulty.genesis_context(self.spec), None, None, ()))
        self.now = float(self.spec.genesis.timestamp)

    @property
    def _speed(self) -> float:
        rules = self.spec.difficulty
        return self.speed * work(rules.start) / rules.target_block_time

    @property
    def base(self) -> Played:
        """The last block of both branches."""
        return self.history[-1]

    def play(self, policy: Policy, blocks: int) -> None:
        """Until so many blocks are canonical."""
        while len(self.history) <= blocks:
            lag_s = self.now - self.base.header.timestamp
            situation = Situation(len(self.own), len(self.public), self.seen, self.race, lag_s, self.won)
            self.won = None
            self._act(policy(situation))
            self.find()

    def _act(self, action: int) -> None:
        """Does it; what the weights don't allow (a branch longer than the lag may be lighter than its length) waits."""
        if action in (OVERRIDE, OVERRIDE_ALL):
            enough = [shown for shown in range(1, len(self.own) + 1) if self._replaces(shown)]
            if enough:
                self._win(enough[0] if action == OVERRIDE else max(enough))
        elif action in (ADOPT, ADOPT_AND_SHOW, ADOPT_ALL_BUT_ONE):
            if action == ADOPT_AND_SHOW:
                self.seen = min(len(self.own), len(self.public))
            self._give_up(1 if action == ADOPT_ALL_BUT_ONE else 0)
        elif action == MATCH and self._equal():
            self.seen, self.race = len(self.public), RACING
        else:
            assert action in (WAIT, MATCH)

    def _replaces(self, shown: int) -> bool:
        tip = self.public[-1] if self.public else self.base
        return is_heavier(self.own[shown - 1].context.total_difficulty, tip.context.total_difficulty)

    def _equal(self) -> bool:
        shown = self.own[len(self.public) - 1]
        return shown.context.total_difficulty == self.public[-1].context.total_difficulty

    def _win(self, shown: int) -> None:
        self.counted = self._count(self.own[:shown])
        self.history += self.own[:shown]
        self.orphans += self.public
        self.won = (shown, len(self.public))
        self.own, self.public = self.own[shown:], []
        self.seen, self.race = 0, LAST_OWN
        self._forget()

    def _give_up(self, back: int) -> None:
        kept = len(self.public) - back
        self.counted = 0
        self.orphans += self.own[: self.seen]
        self.history += self.public[:kept]
        self.own, self.public = [], self.public[kept:]
        self.seen, self.race, self.won = 0, LAST_OWN, (0, 0)
        self._forget()

    def _forget(self) -> None:
        if self.ommers:
            included = {ommer.number for block in self.history[-40:] for ommer in block.ommers}
            oldest = self.base.header.number + 1 - self.ommers.window
            self.orphans = [o for o in self.orphans if o.number not in included and o.header.number >= oldest]

    def find(self) -> None:
        """Somebody finds the next block."""
        own_tip = self.own[-1] if self.own else self.base
        public_tip = self.public[-1] if self.public else self.base
        helped = self.gamma if self.race == RACING else 0.0
        rival = self.own[self.seen - 1] if helped else public_tip
        honest = 1 - self.share
        after = [
            self._wait(own_tip, self.share, self.backdates_s, self.own_cost_power),
            self._wait(public_tip, honest * (1 - helped)),
            self._wait(rival, honest * helped),
        ]
        first = min(range(3), key=after.__getitem__)
        self.now += after[first]
        if first == 0:
            stamp = self._clock(own_tip, self.backdates_s)
            self.own.append(self._block(own_tip, stamp, self._identity(own_tip), ()))
            self.race = RACING if self.race == RACING else LAST_OWN
        elif first == 1:
            self.public.append(self.honest_block(public_tip, self.public))
            self.race = LAST_PUBLIC
        else:
            self._win(len(self.public))
            self.public = [self.honest_block(rival, [])]
            self.race = LAST_PUBLIC

    def _identity(self, parent: Played) -> bytes:
        """The last identity while its counted streak may still grow; else a fresh one."""
        counted = self._count(self.own)
        if self.streaks_when_hidden and not self._hides():
            self.made += 1
            return OWN + self.made.to_bytes(19, "big")
        grows = 0 < counted < self.longest_streak or (self.own and counted == 0 and self.longest_streak > 1)
        if grows and parent.header.miner_id[0]:
            return parent.header.miner_id
        self.made += 1
        return OWN + self.made.to_bytes(19, "big")

    def _count(self, blocks: list[Played]) -> int:
        """The counted streak at the end of own blocks on the base, when the public ones contest them."""
        counted, last = self.counted, self.base.header.miner_id
        contested = len(self.public) if self.public and self._can_be_shown(self.public[0]) else 0
        for place, block in enumerate(blocks):
            repeated = block.header.miner_id == last and counted < self.longest_streak
            counted = 0 if place < contested else counted + 1 if repeated else 1
            last = block.header.miner_id
        return counted

    def _hides(self) -> bool:
        """What the public finds on the base now can't be shown."""
        if self.public:
            return not self._can_be_shown(self.public[0])
        first = self._block(self.base, self._clock(self.base), bytes(20), ())
        return not self._can_be_shown(first)

    def _can_be_shown(self, first: Played) -> bool:
        return self.ommers is not None and ommer_rules.heavy_enough(self.ommers, first, self.base)

    def _clock(self, parent: Played, behind_s: float = 0.0) -> int:
        return max(parent.header.timestamp + 1, int(self.now - behind_s))

    def _wait(self, parent: Played, share: float, behind_s: float = 0.0, power: float = 1.0) -> float:
        """Seconds until a share of the work, whose clock is `behind_s` late, finds a child of `parent`."""
        if share <= 0:
            return float("inf")
        due = self.rng.expovariate(1.0)
        speed = share * self._speed
        rules = self.spec.difficulty
        calm = parent.header.timestamp + rules.overdue_after * rules.target_block_time - (self.now - behind_s)
        passed = 0.0
        if calm > 0:
            rate = speed / self._cost(parent, parent.header.timestamp + 1, power)
            if due <= calm * rate:
                return due / rate
            due -= calm * rate
            passed = calm
        while True:  # the level falls with every second
            rate = speed / self._cost(parent, int(self.now - behind_s + passed) + 1, power)
            if due <= rate:
                return passed + due / rate
            due -= rate
            passed += 1

    def _cost(self, parent: Played, stamp: int, power: float) -> float:
        needed = difficulty.requirements(self.spec, parent.header, parent.context, stamp).work
        if power == 1.0:
            return needed
        start = work(self.spec.difficulty.start)
        return float((needed / start) ** power * start)

    def block(self, parent: Played, miner: bytes, after_s: int) -> Played:
        """A block of a miner on any parent, stamped so long after it, without ommers."""
        return self._block(parent, parent.header.timestamp + after_s, miner, ())

    def seconds_for(self, parent: Played) -> float:
        """Mean time in which everybody together finds a child of a parent, before it is overdue."""
        return self._cost(parent, parent.header.timestamp + 1, 1.0) / self._speed

    def honest_block(self, parent: Played, branch: list[Played], miner: bytes | None = None) -> Played:
        """A block that is found now, with every lawful ommer; of a fresh miner if none is named."""
        if miner is None:
            self.made += 1
            miner = self.made.to_bytes(20, "big")
        stamp = self._clock(parent)
        included: tuple[Played, ...] = ()
        if self.ommers and self.orphans:
            included = ommer_rules.lawful(self.ommers, self.orphans, self.history, branch, stamp)
        return self._block(parent, stamp, miner, included)

    def _block(self, parent: Played, stamp: int, miner: bytes, included: tuple[Played, ...]) -> Played:
        required = difficulty.requirements(self.spec, parent.header, parent.context, stamp)
        header = _header(required.number, stamp, required.work, miner)
        context = difficulty.child_context(self.spec.difficulty, parent.header, parent.context, header)
        if included:
            context = ommer_rules.counting(context, len(included))
        self.made += 1
        return Played(self.made, header, context, parent, required, included)


def _header(number: int, stamp: int, work: int, miner: bytes) -> Header:
    return Header(
        parent_hash=_NO_HASH,
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=miner,
        state_root=EMPTY_TRIE_ROOT,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=EMPTY_BLOOM,
        difficulty=work,
        number=number,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=stamp,
        extra_data=miner,
        mix_hash=_NO_HASH,
        nonce=bytes(8),
        base_fee_per_gas=7,
    )
