"""The game of one miner who may withhold blocks, against honest miners who never do.

The miner finds a share of all work. It mines on a branch of its own; the honest miners mine on the public one, which
left it at the *base*. A state says what the base is (its context), how many private and public blocks have been found
on it, how many private ones the public has seen, and whether the branches race:

* `LAST_OWN`: the last block was the miner's; it can't match, since everybody saw the public branch first;
* `LAST_PUBLIC`: the last block was public, and the miner could show an equal branch at once;
* `RACING`: it did; of the honest work, the share gamma mines on the miner's branch.

(Sapirshtein, Sompolinsky, Zohar 2016; there: irrelevant, relevant, active.) In every state the miner takes an action,
then somebody finds a block. Time is what the controller makes of blocks: T for every canonical block, and T for every
ommer where the rules count them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.economics.policy_solver import Flags, Floats, Indices, Process

LAST_OWN, LAST_PUBLIC, RACING = range(3)
WAIT, MATCH, OVERRIDE, OVERRIDE_ALL, ADOPT, ADOPT_AND_SHOW, ADOPT_ALL_BUT_ONE = range(7)
ACTIONS = 7
_HEAVIER = 1e-9


@dataclass(frozen=True, slots=True)
class Tables:
    """What the rules say of every base context c, of m blocks of the miner's and of j public ones.

    Weights are work relative to the work of an ordinary block, rewards relative to the reward of one.
    """

    own_weight: Floats
    """[C, m]: of the miner's m-th block from the base, m = 1 .. limit + 1."""
    public_weight: Floats
    """[C, j]: of the public's j-th."""
    reward: Floats
    """[C, m, j]: to the miner when m of its blocks become canonical and j public ones do not."""
    time: Floats
    """[C, m, j]: what that takes, in T."""
    context: Indices
    """[C, m, j]: the context of its m-th block then."""
    adopted: Indices
    """[C, j]: the context of the public's j-th block, once it is canonical."""
    adopted_time: Floats
    """[C, j]: what that takes, in T."""
    shown_reward: float
    """To the miner for one of its own orphans that is shown."""
    shown_time: float
    """What a shown orphan adds to the time, in T."""

    @property
    def contexts(self) -> int:
        """C."""
        return int(self.context.shape[0])

    @property
    def limit(self) -> int:
        """The longest branch, on both sides."""
        return int(self.context.shape[1]) - 1


@dataclass(frozen=True, slots=True)
class Miner:
    """Who plays."""

    share: float
    """Of all work."""
    gamma: float
    """Share of the honest work that mines on the miner's of two equal branches."""
    ties_by_lot: bool = False
    """True: a branch can be matched at any time (honest miners draw lots); False: first seen."""


class Game:
    """The process of one miner under one set of rules."""

    def __init__(self, tables: Tables, miner: Miner) -> None:
        self.tables = tables
        self.miner = miner
        shown = tables.limit if tables.shown_time or tables.shown_reward else 0
        size = tables.limit + 1
        shape = (tables.contexts, size, size, shown + 1, 3)
        context, own, public, seen, race = (axis.ravel() for axis in np.indices(shape))
        racing_seen = np.minimum(public, shown)
        valid = (seen <= np.minimum(own, public)) & ((race != LAST_PUBLIC) | (public > 0))
        valid &= (race != RACING) | ((public > 0) & (own >= public) & (seen == racing_seen))
        self._shown = shown
        self._number = np.where(valid, np.cumsum(valid) - 1, -1).astype(np.int32).reshape(shape)
        self.context, self.own, self.public = context[valid], own[valid], public[valid]
        self.seen, self.race = seen[valid], race[valid]
        self._weights()

    @property
    def states(self) -> int:
        """S."""
        return int(self.own.size)

    def state(self, context: int, own: int, public: int, race: int, seen: int = 0) -> int:
        """The number of a state."""
        return int(self._number[context, own, public, min(seen, self._shown), race])

    def _weights(self) -> None:
        tables = self.tables
        self._own_total = np.cumsum(np.pad(tables.own_weight[:, 1:-1], ((0, 0), (1, 0))), axis=1)
        self._public_total = np.cumsum(np.pad(tables.public_weight[:, 1:-1], ((0, 0), (1, 0))), axis=1)
        heavier = self._own_total[:, :, None] > self._public_total[:, None, :] + _HEAVIER
        heavier[:, 0, :] = False
        self.least = np.where(heavier.any(axis=1), heavier.argmax(axis=1), tables.limit + 1)
        """[C, j]: how many blocks the miner has to show to replace j public ones."""

    def process(self) -> Process:
        """The process, for the solver."""
        states = self.states
        self._successors = np.zeros((ACTIONS, states, 3), np.int32)
        self._probabilities = np.zeros((ACTIONS, states, 3))
        self._probabilities[:, :, 0] = 1.0
        self._reward = np.zeros((ACTIONS, states))
        self._time = np.zeros((ACTIONS, states))
        self._allowed = np.zeros((ACTIONS, states), np.bool_)
        room = (self.own < self.tables.limit) & (self.public < self.tables.limit)
        self._found(WAIT, room & (self.race != RACING), (self.context, self.own, self.public, self.seen))
        self._race(WAIT, room & (self.race == RACING))
        equal = (
            np.abs(self._own_total[self.context, self.public] - self._public_total[self.context, self.public])
            <= _HEAVIER
        )
        timely = (self.race == LAST_PUBLIC) | (self.miner.ties_by_lot & (self.race == LAST_OWN))
        self._race(MATCH, room & timely & equal & (self.public > 0) & (self.own >= self.public))
        self._override(OVERRIDE, self.least[self.context, self.public])
        self._override(OVERRIDE_ALL, self.own)
        self._adopt(ADOPT, self.seen, 0)
        self._adopt(ADOPT_AND_SHOW, np.minimum(self.own, self.public), 0)
        self._adopt(ADOPT_ALL_BUT_ONE, self.seen, 1)
        return Process(self._successors, self._probabilities, self._reward, self._time, self._allowed)

    def honest(self) -> Indices:
        """The honest policy: every block is shown at once, the public branch is always adopted."""
        return np.where(self.public > 0, ADOPT, np.where(self.own > 0, OVERRIDE_ALL, WAIT)).astype(np.int32)

    def _numbers(self, where: Flags, place: tuple[Indices, ...]) -> Indices:
        context, own, public, seen, race = (np.broadcast_to(axis, where.shape)[where] for axis in place)
        numbers = self._number[context, own, public, np.minimum(seen, self._shown), race]
        assert (numbers >= 0).all()
        return np.asarray(numbers)

    def _set(self, action: int, where: Flags, outcomes: list[tuple[Floats, tuple[Indices, ...]]]) -> None:
        """The successors of an action where it is allowed, each with its rate of being found."""
        total = sum(rate for rate, _ in outcomes)
        for place, (rate, successor) in enumerate(outcomes):
            self._successors[action, where, place] = self._numbers(where, successor)
            self._probabilities[action, where, place] = (rate / total)[where]
        self._allowed[action] |= where

    def _found(self, action: int, where: Flags, place: tuple[Indices, ...]) -> None:
        """Somebody finds a block at `place` = (context, own, public, seen), without a race."""
        context, own, public, seen = place
        limit = self.tables.limit
        share = self.miner.share
        mine = share / self.tables.own_weight[context, np.minimum(own, limit) + 1]
        theirs = (1 - share) / self.tables.public_weight[context, np.minimum(public, limit) + 1]
        more = np.minimum(own + 1, limit), np.minimum(public + 1, limit)
        last_own, last_public = np.full_like(own, LAST_OWN), np.full_like(own, LAST_PUBLIC)
        self._set(
            action, where,
            [(mine, (context, more[0], public, seen, last_own)), (theirs, (context, own, more[1], seen, last_public))],
        )  # fmt: skip

    def _race(self, action: int, where: Flags) -> None:
        """Somebody finds a block while two equal branches of `public` blocks are known."""
        tables, share, gamma = self.tables, self.miner.share, self.miner.gamma
        context, own, public = self.context, self.own, self.public
        limit = tables.limit
        more_own, more_public = np.minimum(own + 1, limit), np.minimum(public + 1, limit)
        won = tables.context[context, public, public]
        left = np.maximum(own - public, 0)
        here = tables.own_weight[context, np.minimum(public, limit) + 1]
        mine = share / tables.own_weight[context, more_own]
        theirs = (1 - share) * (1 - gamma) / tables.public_weight[context, more_public]
        helped = (1 - share) * gamma / here
        racing, last_public = np.full_like(own, RACING), np.full_like(own, LAST_PUBLIC)
        self._set(
            action, where,
            [
                (mine, (context, more_own, public, public, racing)),
                (theirs, (context, own, more_public, public, last_public)),
                (helped, (won, left, np.ones_like(own), np.zeros_like(own), last_public)),
            ],
        )  # fmt: skip
        odds = self._probabilities[action, :, 2]
        self._reward[action, where] = (odds * tables.reward[context, public, public])[where]
        self._time[action, where] = (odds * tables.time[context, public, public])[where]

    def _override(self, action: int, shown: Indices) -> None:
        """The first `shown` private blocks become canonical."""
        enough = (shown <= self.own) & (shown >= self.least[self.context, self.public]) & (self.own > 0)
        m = np.minimum(shown, self.own)
        tables = self.tables
        after = tables.context[self.context, m, self.public]
        none = np.zeros_like(self.own)
        self._found(action, enough, (after, self.own - m, none, none))
        self._reward[action, enough] = tables.reward[self.context, m, self.public][enough]
        self._time[action, enough] = tables.time[self.context, m, self.public][enough]

    def _adopt(self, action: int, shown: Indices, back: int) -> None:
        """The private branch is given up for the public one, whose last `back` blocks are to be replaced."""
        tables = self.tables
        where = self.public > back
        if action == ADOPT_AND_SHOW:
            where &= np.bool_(self._shown > 0) & (shown > self.seen)
        kept = np.maximum(self.public - back, 0)
        none = np.zeros_like(self.own)
        self._found(action, where, (tables.adopted[self.context, kept], none, np.full_like(self.own, back), none))
        self._reward[action, where] = (tables.shown_reward * shown)[where]
        self._time[action, where] = (tables.adopted_time[self.context, kept] + tables.shown_time * shown)[where]
