"""What a chain must have paid, from its headers and its ommers' headers alone.

A second computation of rewards, hold-backs, contested heights, counted streaks and bonuses (protocol.md, sections 9 to
11), over whole lists instead of a window that moves along. Of the node's code it uses levels and controller only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from quip.consensus.proof_of_work.difficulty import child_context, genesis_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import Header
from quip.consensus.work.units import work


@dataclass(frozen=True, slots=True)
class Shown:
    """A canonical block and the headers of the ommers that it shows."""

    header: Header
    ommers: tuple[Header, ...]


@dataclass(frozen=True, slots=True)
class Bonus:
    """What a settled block of a counted streak paid to its miner's account."""

    number: int
    """The height that was settled, not the one that paid."""
    counted: int
    """u: the place in the streak."""
    miner_id: bytes
    amount: int


@dataclass(slots=True)
class Ledger:
    """Everything that a chain paid up to its head, in wei."""

    balances: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    """By address; without what genesis gave."""
    own: int = 0
    """To blocks, at once."""
    to_ommers: int = 0
    """To the first ommers of contested heights, out of what was held back."""
    returned: int = 0
    """Hold-backs of uncontested heights."""
    burnt: int = 0
    """Of hold-backs of contested heights, what no ommer got."""
    pending: int = 0
    """Held back at heights that are neither contested nor settled yet."""
    bonuses: list[Bonus] = field(default_factory=list)
    contested: set[int] = field(default_factory=set)
    """Heights with an ommer on this chain."""
    streaks: Counter[int] = field(default_factory=Counter)
    """Settled heights by u; 0: contested."""

    @property
    def in_bonuses(self) -> int:
        """Sum of the bonuses."""
        return sum(bonus.amount for bonus in self.bonuses)

    @property
    def supply(self) -> int:
        """All that was paid."""
        return self.own + self.to_ommers + self.returned + self.in_bonuses

    def pay(self, address: bytes, amount: int) -> int:
        """Credit an account; the amount."""
        if amount:
            self.balances[address] += amount
        return amount


def ledger_of(spec: ChainSpec, blocks: Sequence[Shown]) -> Ledger:
    """The ledger of blocks 0 .. head of a chain whose spec has ommers."""
    rules, base_reward = spec.ommers, spec.rewards.base_reward
    prices = _works(spec, [block.header for block in blocks])
    rewards = [base_reward * block.header.difficulty // price for block, price in zip(blocks, prices, strict=True)]
    held = [reward // rules.holdback for reward in rewards]
    found = Ledger()
    for number in range(1, len(blocks)):
        header = blocks[number].header
        found.own += found.pay(header.beneficiary, rewards[number] - held[number])
        for ommer in blocks[number].ommers:
            if ommer.number not in found.contested:
                price = base_reward * ommer.difficulty // (rules.holdback * prices[number])
                paid = found.pay(ommer.beneficiary, min(held[ommer.number], price))
                found.to_ommers += paid
                found.burnt += held[ommer.number] - paid
                found.contested.add(ommer.number)
        settled = number - rules.window - 1
        if settled >= 1 and settled not in found.contested:
            found.returned += found.pay(blocks[settled].header.beneficiary, held[settled])
    head = len(blocks) - 1
    found.pending = sum(held[n] for n in range(max(1, head - rules.window), head + 1) if n not in found.contested)
    _settle_streaks(spec, blocks, prices, found)
    return found


def _works(spec: ChainSpec, headers: Sequence[Header]) -> list[int]:
    """work(c(n)) of every block."""
    context = genesis_context(spec)
    prices = [work(context.controller)]
    for parent, header in pairwise(headers):
        context = child_context(spec.difficulty, parent, context, header)
        prices.append(work(context.controller))
    return prices


def _settle_streaks(spec: ChainSpec, blocks: Sequence[Shown], prices: Sequence[int], found: Ledger) -> None:
    """u of every height that nobody can contest any more, and its bonus."""
    percentages, counted = spec.rewards.streak_multiplier, 0
    for number in range(1, len(blocks) - spec.ommers.window - 1):
        header = blocks[number].header
        follows = number >= 2 and header.miner_id == blocks[number - 1].header.miner_id
        if number in found.contested:
            counted = 0
        elif follows and counted < len(percentages):
            counted += 1
        else:
            counted = 1
        found.streaks[counted] += 1
        if counted >= 2:
            extra = percentages[counted - 1] - 100
            amount = spec.rewards.base_reward * extra * header.difficulty // (100 * prices[number])
            found.bonuses.append(Bonus(number, counted, header.miner_id, found.pay(header.miner_id, amount)))
