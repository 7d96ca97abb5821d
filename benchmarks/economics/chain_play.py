"""One miner's policy played on a chain: every level, streak, weight and reward is what the law says of real headers.

Only how long it takes to find a block is drawn (exponential, by work in force and share of the work). Everything else
is asked: `lawful_chain` for levels, ommers and rewards, `is_heavier` for the fork choice. Honest miners are many and
small, stamp the time of their clocks, mine on the heaviest branch they have seen, know each other's blocks at once and
show every lawful ommer.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.economics.lawful_chain import Block, child, first_ancestry, genesis, is_too_light, showing
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
from quip.consensus.types.ancestry import Ancestry
from quip.consensus.work.units import work

OWN = b"\x01"
"""The first byte of every identity of the miner's."""


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
Cost = Callable[[float], float]
"""Work that an ordinary miner does in the time of a block, by the block's work."""


@dataclass(slots=True)
class World:
    """One seed's chain."""

    spec: ChainSpec
    share: float
    gamma: float
    rng: random.Random
    speed: float = 1.0
    """Of all miners together; 1 finds a block in T at the start level."""
    own_cost: Cost | None = None
    """The miner's cost of a block by its work; everybody else's is the work."""
    backdates_s: float = 0.0
    """Private blocks are stamped so long before the clock, if they may."""
    longest_streak: int = 1
    """Blocks in a row under one identity of the miner's; then it takes a fresh one."""
    streaks_when_hidden: bool = False
    """Only where its orphans can't be shown: elsewhere every block has a fresh identity, which eases nothing."""
    now: float = 0.0
    history: list[Block] = field(default_factory=list)
    """Canonical blocks up to the base."""
    own: list[Block] = field(default_factory=list)
    public: list[Block] = field(default_factory=list)
    orphans: list[Block] = field(default_factory=list)
    """Known to the honest miners, and not an ommer up to the base."""
    seen: int = 0
    race: int = LAST_OWN
    won: tuple[int, int] | None = None
    counted: int = 0
    """The counted streak of the base, if that is the miner's."""
    made: int = 0
    """Identities."""
    ancestry: Ancestry = field(init=False)
    """Of whatever builds on the base."""

    def __post_init__(self) -> None:
        self.history.append(genesis(self.spec))
        self.ancestry = first_ancestry(self.spec, self.base)
        self.now = float(self.spec.genesis.timestamp)

    @property
    def _speed(self) -> float:
        rules = self.spec.difficulty
        return self.speed * work(rules.start) / rules.target_block_time

    @property
    def base(self) -> Block:
        """The last block of both branches."""
        return self.history[-1]

    def settle(self, blocks: Sequence[Block]) -> None:
        """These are canonical now, the last of them is the base; the miner's branches are the caller's business."""
        for block in blocks:
            self.history.append(block)
            if self.spec.ommers.limit:
                self.ancestry = block.above(self.spec, self.ancestry)
        included = self.ancestry.ommer
        oldest = self.base.header.number + 1 - self.spec.ommers.window
        self.orphans = [one for one in self.orphans if one.header.number >= oldest and included(one.hash) is None]

    def finish(self) -> int:
        """The miner stops, and everything up to the base is settled. Returns the base's number."""
        last = self.base.header.number
        self.share, self.own, self.public, self.seen, self.race = 0.0, [], [], 0, LAST_OWN
        while self.spec.ommers.limit and self.base.header.number <= last + self.spec.ommers.window:
            self.find()
            self._give_up(0)
        return last

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
        self.orphans += self._showable(self.public)
        self.won = (shown, len(self.public))
        won, self.own, self.public = self.own[:shown], self.own[shown:], []
        self.seen, self.race = 0, LAST_OWN
        self.settle(won)

    def _give_up(self, back: int) -> None:
        count = len(self.public) - back
        self.counted = 0
        self.orphans += self._showable(self.own[: self.seen])
        kept, self.own, self.public = self.public[:count], [], self.public[count:]
        self.seen, self.race, self.won = 0, LAST_OWN, (0, 0)
        self.settle(kept)

    def _showable(self, branch: list[Block]) -> list[Block]:
        """Of orphans that left the chain at the base: those below the first that no block may ever show."""
        if not self.spec.ommers.limit:
            return []
        heavy = itertools.takewhile(lambda block: not is_too_light(self.spec, block, self.base), branch)
        return list(heavy)

    def find(self) -> None:
        """Somebody finds the next block."""
        own_tip = self.own[-1] if self.own else self.base
        public_tip = self.public[-1] if self.public else self.base
        helped = self.gamma if self.race == RACING else 0.0
        rival = self.own[self.seen - 1] if helped else public_tip
        honest = 1 - self.share
        after = [
            self._wait(own_tip, self.share, self.backdates_s, self.own_cost),
            self._wait(public_tip, honest * (1 - helped)),
            self._wait(rival, honest * helped),
        ]
        first = min(range(3), key=after.__getitem__)
        self.now += after[first]
        if first == 0:
            stamp = self._clock(own_tip, self.backdates_s)
            self.own.append(child(self.spec, own_tip, stamp, self._identity(own_tip)))
            self.race = RACING if self.race == RACING else LAST_OWN
        elif first == 1:
            self.public.append(self.honest_block(public_tip, self.public))
            self.race = LAST_PUBLIC
        else:
            self._win(len(self.public))
            self.public = [self.honest_block(rival, [])]
            self.race = LAST_PUBLIC

    def _identity(self, parent: Block) -> bytes:
        """The last identity while its counted streak may still grow; else a fresh one."""
        counted = self._count(self.own)
        if self.streaks_when_hidden and not self._hides():
            return self._fresh(OWN)
        grows = 0 < counted < self.longest_streak or (self.own and counted == 0 and self.longest_streak > 1)
        if grows and parent.miner_id[0]:
            return parent.miner_id
        return self._fresh(OWN)

    def _count(self, blocks: list[Block]) -> int:
        """The counted streak at the end of own blocks on the base, when the public ones contest them."""
        counted, last = self.counted, self.base.miner_id
        contested = len(self.public) if self.public and self._can_be_shown(self.public[0]) else 0
        for place, block in enumerate(blocks):
            repeated = block.miner_id == last and counted < self.longest_streak
            counted = 0 if place < contested else counted + 1 if repeated else 1
            last = block.miner_id
        return counted

    def _hides(self) -> bool:
        """What the public finds on the base now can't be shown."""
        if self.public:
            return not self._can_be_shown(self.public[0])
        first = child(self.spec, self.base, self._clock(self.base), bytes(20))
        return not self._can_be_shown(first)

    def _can_be_shown(self, first: Block) -> bool:
        return bool(self.spec.ommers.limit) and not is_too_light(self.spec, first, self.base)

    def _clock(self, parent: Block, behind_s: float = 0.0) -> int:
        return max(parent.header.timestamp + 1, int(self.now - behind_s))

    def _wait(self, parent: Block, share: float, behind_s: float = 0.0, own_cost: Cost | None = None) -> float:
        """Seconds until a share of the work, whose clock is `behind_s` late, finds a child of `parent`."""
        if share <= 0:
            return float("inf")
        due = self.rng.expovariate(1.0)
        speed = share * self._speed
        rules = self.spec.difficulty
        calm = parent.header.timestamp + rules.overdue_after * rules.target_block_time - (self.now - behind_s)
        passed = 0.0
        if calm > 0:
            rate = speed / self._cost(parent, parent.header.timestamp + 1, own_cost)
            if due <= calm * rate:
                return due / rate
            due -= calm * rate
            passed = calm
        while True:  # the level falls with every second
            rate = speed / self._cost(parent, int(self.now - behind_s + passed) + 1, own_cost)
            if due <= rate:
                return passed + due / rate
            due -= rate
            passed += 1

    def _cost(self, parent: Block, stamp: int, own_cost: Cost | None) -> float:
        needed = difficulty.requirements(self.spec, parent.header, parent.context, stamp).work
        return own_cost(needed) if own_cost else needed

    def block(self, parent: Block, miner: bytes, after_s: int) -> Block:
        """A block of a miner on any parent, stamped so long after it, without ommers."""
        return child(self.spec, parent, parent.header.timestamp + after_s, miner)

    def seconds_for(self, parent: Block) -> float:
        """Mean time in which everybody together finds a child of a parent, before it is overdue."""
        return self._cost(parent, parent.header.timestamp + 1, None) / self._speed

    def honest_block(self, parent: Block, branch: Sequence[Block], miner: bytes | None = None) -> Block:
        """A block that is found now behind base and branch, with every lawful ommer; of a fresh miner if none is
        named."""
        bare = child(self.spec, parent, self._clock(parent), miner or self._fresh(bytes(1)))
        if not self.orphans:
            return bare
        ancestry = self.ancestry
        for block in branch:
            ancestry = block.above(self.spec, ancestry)
        known = sorted(self.orphans, key=lambda orphan: orphan.header.number)
        return showing(self.spec, ancestry, bare, known)

    def _fresh(self, first: bytes) -> bytes:
        """An identity that nobody has had."""
        self.made += 1
        return first + self.made.to_bytes(19, "big")
