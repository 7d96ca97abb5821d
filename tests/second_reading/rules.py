"""What a block has to keep: level, work and reward, header rules, outcome."""

import math
import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from second_reading.encoding import (
    EMPTY_ROOT,
    NO_OMMERS,
    Accounts,
    Block,
    Header,
    Invalid,
    Oversized,
    Violation,
    block_of,
    number_bytes,
    rlp,
    state_root,
    trie_root,
)
from second_reading.hashes import derive_seed
from second_reading.puzzle import proof_violations
from second_reading.signatures import seal_violations
from second_reading.spec import OCTAVE, Spec


@cache
def work(level: int) -> int:
    """floor(2^(level / 65536)): an interval around it, ever narrower until both ends agree."""
    octaves, fraction = divmod(level, OCTAVE)
    precision = octaves + 64
    while True:
        low = high = 1 << precision
        root_low = root_high = 2 << precision
        for bit in range(15, -1, -1):
            root_low, root_high = math.isqrt(root_low << precision), math.isqrt(root_high << precision) + 1
            if fraction >> bit & 1:
                low, high = low * root_low >> precision, (high * root_high >> precision) + 1
        if fraction == 0 or low >> (precision - octaves) == high >> (precision - octaves):
            return low >> (precision - octaves)
        precision *= 2


class Past(NamedTuple):
    """What later blocks ask of a block."""

    timestamp: int
    ommers: int
    streak: int
    ended: int


class Tip(NamedTuple):
    """All of a chain that the next block's validity depends on."""

    header: Header
    controller: int  # of the next block
    past: tuple[Past, ...]  # of every block from genesis on
    accounts: Accounts


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def level_of(spec: Spec, tip: Tip, header: Header) -> int:
    """The level in force for a child of the tip."""
    rules, rate, limit = spec.difficulty, *(spec.difficulty["streak"][key] for key in ("rate", "limit"))
    lagged = tip.past[-1 - rules["lag"]] if len(tip.past) >= rules["lag"] + 2 else Past(0, 0, 0, 0)
    offset = 0
    if lagged.streak >= 2:
        offset = -rate * min(lagged.streak - 1, limit)
    elif lagged.streak == 1 and lagged.ended >= 2:
        offset = rate * min(lagged.ended - 1, limit)
    overdue, target = rules["overdue"], rules["target_block_time"]
    late = header.timestamp - tip.header.timestamp - overdue["after"] * target
    discount = min(overdue["limit"], late * overdue["rate"] // target) if tip.header.number >= 1 and late > 0 else 0
    return clamp(tip.controller + offset - discount, rules["lo"], rules["hi"])


def advance(spec: Spec, tip: Tip, header: Header) -> Tip:
    """The tip with this block on it."""
    rules, controller, number = spec.difficulty, tip.controller, tip.header.number + 1
    last = tip.past[-1]
    streak, ended = 1, last.streak
    if number >= 2 and header.miner == tip.header.miner:
        streak, ended = last.streak + 1, last.ended
    past = (*tip.past, Past(header.timestamp, 0, streak, ended))
    if number >= rules["lag"] + 2:
        target, lagged = rules["target_block_time"], number - rules["lag"]
        dt = min(past[lagged].timestamp - past[lagged - 1].timestamp, rules["outage_cap"] * target)
        error = (target * (1 + past[lagged].ommers) - dt) * OCTAVE
        controller = clamp(controller + error // rules["half_life"], rules["lo"], rules["hi"])
    accounts, due = dict(tip.accounts), reward(spec, streak, level_of(spec, tip, header), tip.controller)
    if due:
        nonce, balance = accounts.get(header.beneficiary, (0, 0))
        accounts[header.beneficiary] = (nonce, balance + due)
    return Tip(header, controller, past, accounts)


def reward(spec: Spec, streak: int, level: int, controller: int) -> int:
    percentages = spec.rewards["streak_multiplier"]
    percent = percentages[min(streak, len(percentages)) - 1]
    return int(int(spec.rewards["base_reward"]) * percent * work(level) // (100 * work(controller)))


def next_base_fee(parent: Header) -> int:
    target, fee, used = parent.gas_limit // 2, parent.base_fee, parent.gas_used
    if used > target:
        return fee + max(fee * (used - target) // target // 8, 1)
    return fee - fee * (target - used) // target // 8


def header_violations(spec: Spec, tip: Tip, header: Header) -> Iterator[Violation]:
    parent, seed = tip.header, derive_seed(header.sealing_hash(), header.nonce)
    bits, limits = spec.puzzle["gate_bits"], spec.gas_limit
    due = work(level_of(spec, tip, header))
    step = abs(header.gas_limit - parent.gas_limit)
    held = {
        "seed": (header.mix_hash == seed, f"the seed is {seed.hex()}, mixHash {header.mix_hash.hex()}"),
        "gate": (int.from_bytes(seed, "big") >> (256 - bits) == 0, f"the first {bits} bits of {seed.hex()}"),
        "parent hash": (header.parent_hash == parent.hash(), header.parent_hash.hex()),
        "number": (header.number == parent.number + 1, f"{header.number} on {parent.number}"),
        "ommers hash": (header.ommers_hash == NO_OMMERS, header.ommers_hash.hex()),
        "extra data": (len(header.extra_data) >= 20, f"{len(header.extra_data)} bytes"),
        "timestamp": (header.timestamp > parent.timestamp, f"{header.timestamp} on {parent.timestamp}"),
        "gas limit": (
            limits["minimum"] <= header.gas_limit <= limits["maximum"] and step < parent.gas_limit // 1024,
            f"{header.gas_limit} on {parent.gas_limit}",
        ),
        "gas used": (header.gas_used <= header.gas_limit, f"{header.gas_used} > {header.gas_limit}"),
        "base fee": (header.base_fee == next_base_fee(parent), f"{header.base_fee}, not {next_base_fee(parent)}"),
        "difficulty": (header.difficulty == due, f"{header.difficulty}, not {due}"),
        "future limit": (header.timestamp <= time.time() + spec.difficulty["future_limit"], f"{header.timestamp}"),
    }
    yield from ((rule, detail) for rule, (holds, detail) in held.items() if not holds)


def outcome_violations(spec: Spec, tip: Tip, block: Block) -> Iterator[Violation]:
    header = block.header
    bodies = {
        rlp(number_bytes(index)): item if isinstance(item, bytes) else rlp(item)
        for index, item in enumerate(block.transactions)
    }
    if header.transactions_root != trie_root(bodies):
        yield "transactions root", header.transactions_root.hex()
    if block.transactions:
        yield "transactions", "none are valid yet"
    if header.gas_used:
        yield "gas used", f"{header.gas_used}"
    if header.receipts_root != EMPTY_ROOT:
        yield "receipts root", header.receipts_root.hex()
    if any(header.logs_bloom):
        yield "logs bloom", "it is not zero"
    root = state_root(advance(spec, tip, header).accounts)
    if header.state_root != root:
        yield "state root", f"{header.state_root.hex()}, not {root.hex()}"


def violations(spec: Spec, tip: Tip | None, data: bytes) -> Iterator[Violation]:
    """Every rule that these bytes break as the child of the tip (as the genesis block, without one), cheapest first."""
    try:
        block = block_of(data)
    except Oversized as error:
        yield "size", str(error)
        return
    except Invalid as error:
        yield "decoding", str(error)
        return
    if tip is None:
        if block != Block(spec.genesis, [], None):
            yield "genesis", f"{block.header.hash().hex()}, not {spec.genesis.hash().hex()}"
        return
    yield from header_violations(spec, tip, block.header)
    if block.seal is None:
        yield "seal", "there is none"
        return
    yield from seal_violations(spec.chain_id, block, block.seal)
    level = level_of(spec, tip, block.header)
    yield from proof_violations(spec, block.seal.solutions, block.header.mix_hash, level)
    yield from outcome_violations(spec, tip, block)


def verify_chain(spec: Spec, blocks: list[bytes]) -> list[Tip]:
    """The tip after each block; Invalid names the first broken rule."""
    tips: list[Tip] = []
    for number, data in enumerate(blocks):
        for rule, detail in violations(spec, tips[-1] if tips else None, data):
            raise Invalid(f"block {number} breaks the rule '{rule}': {detail}")
        genesis = (Past(spec.genesis.timestamp, 0, 0, 0),)
        first = Tip(spec.genesis, spec.difficulty["start"], genesis, spec.accounts)
        tips.append(advance(spec, tips[-1], block_of(data).header) if tips else first)
    return tips
