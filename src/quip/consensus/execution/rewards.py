"""What a block pays (beside priority fees; the base fee is burned).

    R(n) = floor(base_reward * difficulty(n) / work(c(n)))        H(n) = floor(R(n) / holdback)

Without ommers a block pays R(n) to its beneficiary, and that is all. With them it pays R(n) - H(n); the hold-back goes
to the first ommers of the same number, up to its own price each, or comes back to the beneficiary when `window` blocks
have passed without one. Then, too, the miner of a counted streak gets its bonus. (So orphaning others and showing them
earns nothing: one gets one's own money back.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestor, Ancestry
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.types.ommer import Ommer
from quip.consensus.work.units import work


class Payment(NamedTuple):
    """Wei to an account."""

    miner_id: bytes
    """Whose work is paid, 20 bytes."""
    address: bytes
    """Whoever is paid for it, 20 bytes."""
    amount: int


@dataclass(frozen=True, slots=True)
class Rewards:
    """What one block pays, in order, and what the next one needs to know of it."""

    payments: tuple[Payment, ...]
    """None of 0 wei."""
    counted_streak: int = 0
    """u(n - window - 1): of the block that this one settles; 0 where there is none."""


def full_reward(spec: ChainSpec, difficulty: int, controller: int) -> int:
    """R in wei. The work factor takes the profit out of waiting for an eased block."""
    return spec.rewards.base_reward * difficulty // work(controller)


def held_back(spec: ChainSpec, difficulty: int, controller: int) -> int:
    """H in wei; 0 without ommers."""
    return full_reward(spec, difficulty, controller) // spec.ommers.holdback if spec.ommers.limit else 0


def own_payment(spec: ChainSpec, header: Header, context: BlockContext) -> Payment:
    """What a block pays for itself at once; genesis pays nothing."""
    difficulty, controller = header.difficulty, context.controller
    amount = full_reward(spec, difficulty, controller) - held_back(spec, difficulty, controller)
    return Payment(header.miner_id, header.beneficiary, amount if header.number else 0)


def flat_rewards(spec: ChainSpec, header: Header, context: BlockContext) -> Rewards:
    """What a block of a chain without ommers pays."""
    return Rewards(_without_nothing([own_payment(spec, header, context)]))


def paid_by(
    spec: ChainSpec, ancestry: Ancestry | None, header: Header, context: BlockContext, ommers: Sequence[Ommer]
) -> Rewards:
    """What a block on that ancestry pays, with those ommers, all of them lawful; flat rewards without an ancestry."""
    if ancestry is None:
        return flat_rewards(spec, header, context)
    payments = [own_payment(spec, header, context)]
    payments += _to_ommers(spec, ancestry, context.controller, [ommer.header for ommer in ommers])
    counted = counted_streak(spec, ancestry)
    if ancestry.settled_number >= 1 and not ancestry.is_contested(ancestry.settled_number):
        payments += _settlement(spec, ancestry.at(ancestry.settled_number), counted)
    return Rewards(_without_nothing(payments), counted)


def counted_streak(spec: ChainSpec, ancestry: Ancestry) -> int:
    """u(m) of the block m that the next one settles: its place in a run of uncontested blocks of one miner, which
    begins anew after as many as there are percentages. 0: contested, or there is no such block."""
    number = ancestry.settled_number
    if number < 1 or ancestry.is_contested(number):
        return 0
    miner_id = ancestry.at(number).header.miner_id
    if number < 2 or miner_id != ancestry.at(number - 1).header.miner_id:
        return 1
    return ancestry.counted + 1 if ancestry.counted < len(spec.rewards.streak_multiplier) else 1


def _to_ommers(spec: ChainSpec, ancestry: Ancestry, controller: int, ommers: Sequence[Header]) -> list[Payment]:
    """The first ommer of every number gets what was held back of that number's reward, or its own price if less."""
    payments: list[Payment] = []
    numbers: set[int] = set()
    for ommer in ommers:
        if ommer.number in numbers or ancestry.is_contested(ommer.number):
            continue
        numbers.add(ommer.number)
        winner = ancestry.at(ommer.number)
        held = held_back(spec, winner.header.difficulty, winner.context.controller)
        price = spec.rewards.base_reward * ommer.difficulty // (spec.ommers.holdback * work(controller))
        payments.append(Payment(ommer.miner_id, ommer.beneficiary, min(held, price)))
    return payments


def _settlement(spec: ChainSpec, block: Ancestor, counted: int) -> list[Payment]:
    header, controller = block.header, block.context.controller
    payments = [Payment(header.miner_id, header.beneficiary, held_back(spec, header.difficulty, controller))]
    if counted >= 2:
        extra = spec.rewards.streak_multiplier[counted - 1] - 100
        bonus = spec.rewards.base_reward * extra * header.difficulty // (100 * work(controller))
        payments.append(Payment(header.miner_id, header.miner_id, bonus))
    return payments


def _without_nothing(payments: Sequence[Payment]) -> tuple[Payment, ...]:
    return tuple(payment for payment in payments if payment.amount)
