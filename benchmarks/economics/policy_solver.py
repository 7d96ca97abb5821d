"""The best stationary policy of a Markov process that earns a ratio: reward per unit of time.

A process (without periods: some state follows itself) has S states and A actions. An action in a state pays a reward,
lasts a time and leads to at most M states.
The best ratio is found by Dinkelbach's method: for a price `rate` of time, the policy that earns the most
`reward - rate * time` per step is found by modified policy iteration (Puterman 1994, 6.5 and 8.7); the rate becomes the
ratio that this policy earns, until it rises no more. No policy of the process earns more than `Solution.bound`.

What this file does not do: it knows no blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

EVALUATIONS = 25
"""Sweeps with a fixed policy between two improvements."""
MAX_ROUNDS = 4_000
TOLERANCE = 1e-9
"""Of the gain per step, on both sides."""


class NotConverged(Exception):
    """The process mixes too slowly for MAX_ROUNDS."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process with S states, A actions and at most M successors of each."""

    successors: Indices
    """[A, S, M]; any state where the probability is 0."""
    probabilities: Floats
    """[A, S, M]; rows sum to 1 where the action is allowed."""
    reward: Floats
    """[A, S]."""
    time: Floats
    """[A, S]."""
    allowed: Flags
    """[A, S]; at least one action in every state."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A policy and what it earns."""

    policy: Indices
    """[S]: the action taken in each state."""
    ratio: float
    """Reward per unit of time of this policy."""
    bound: float
    """No policy earns more than this ratio, up to rounding."""
    visits: Floats
    """[S]: how often the policy is in each state, per step."""


@dataclass(frozen=True, slots=True)
class _Followed:
    """The process under one policy."""

    successors: Indices
    probabilities: Floats
    reward: Floats
    time: Floats


def _follow(process: Process, policy: Indices) -> _Followed:
    states = np.arange(policy.size)
    return _Followed(
        process.successors[policy, states],
        process.probabilities[policy, states],
        process.reward[policy, states],
        process.time[policy, states],
    )


def _expected(values: Floats, successors: Indices, probabilities: Floats) -> Floats:
    """Mean of `values` over the successors; the last axis is M."""
    total = probabilities[..., 0] * values[successors[..., 0]]
    for place in range(1, successors.shape[-1]):
        total += probabilities[..., place] * values[successors[..., place]]
    return np.asarray(total)


def best_gain(process: Process, rate: float, values: Floats) -> tuple[Indices, Floats, float, float]:
    """Policy, values, and a lower and an upper bound of the best mean of reward - rate * time per step."""
    found = _improvements(process, rate, values)
    return next(one for one in found if one[3] - one[2] < TOLERANCE)


def earns_more(process: Process, rate: float, values: Floats) -> tuple[bool, Floats]:
    """Whether some policy earns more than a ratio, and the values to begin with for a similar process. Far quicker than
    to find the best policy."""
    found = _improvements(process, rate, values)
    _, improved, low, _ = next(one for one in found if one[2] > 0 or one[3] <= 0 or one[3] - one[2] < TOLERANCE)
    return low > 0, improved


def _improvements(process: Process, rate: float, values: Floats) -> Iterator[tuple[Indices, Floats, float, float]]:
    """Modified policy iteration: after every improvement what `best_gain` returns. Raises NotConverged."""
    pay = np.where(process.allowed, process.reward - rate * process.time, -np.inf)
    low, high = -np.inf, np.inf
    for _ in range(MAX_ROUNDS):
        worth = pay + _expected(values, process.successors, process.probabilities)
        policy = worth.argmax(axis=0).astype(np.int32)
        improved = worth.max(axis=0)
        change = improved - values
        low, high = float(change.min()), float(change.max())
        values = improved - improved[0]
        yield policy, values, low, high
        followed = _follow(process, policy)
        earned = followed.reward - rate * followed.time
        for _ in range(EVALUATIONS):
            values = earned + _expected(values, followed.successors, followed.probabilities)
        values -= values[0]
    raise NotConverged(f"the gain per step lies between {low} and {high} after {MAX_ROUNDS} rounds")


def evaluate(process: Process, policy: Indices) -> tuple[float, float, Floats]:
    """Reward and time per step of a policy, and how often it is in each state: [S], from state 0."""
    followed = _follow(process, policy)
    visits = np.zeros(policy.size)
    visits[0] = 1.0
    flat = followed.successors.ravel()
    for _ in range(MAX_ROUNDS * EVALUATIONS):
        flow = (visits[:, None] * followed.probabilities).ravel()
        arrived = np.bincount(flat, weights=flow, minlength=policy.size)
        following = (arrived + visits) / 2  # a lazy chain has the same visits and no period
        moved = float(np.abs(following - visits).sum())
        visits = following
        if moved < TOLERANCE / 100:
            return float(visits @ followed.reward), float(visits @ followed.time), visits
    raise NotConverged(f"the visits still move by {moved} a step")


def solve(process: Process, rate: float = 0.0) -> Solution:
    """The best policy. `rate`: a ratio that some policy is known to earn, to begin with."""
    values = np.zeros(process.reward.shape[1])
    while True:
        policy, values, _, high = best_gain(process, rate, values)
        reward, time, visits = evaluate(process, policy)
        ratio = reward / time
        if ratio <= rate + 1e-8:
            return Solution(policy, max(ratio, rate), rate + max(high, 0.0) / time, visits)
        rate = ratio
