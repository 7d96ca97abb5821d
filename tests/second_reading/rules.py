"""What a block has to keep: level, work and reward, header rules, outcome."""

import math
import time
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from second_reading.encoding import (
    EMPTY_ROOT,
    NO_CODE,
    NO_OMMERS,
    Account,
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
from second_reading.hashes import derive_seed, keccak256
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


class Shown(NamedTuple):
    """An ommer, and what its own children would ask of it."""

    tip: "Tip"
    fork: int  # number of its highest ancestor on the chain that shows it


class Line(NamedTuple):
    """What ommers and rewards depend on: of every block from genesis on."""

    tips: tuple["Tip", ...]
    shown: tuple[tuple[Shown, ...], ...]
    counted: tuple[int, ...]  # u, as far as it is settled


class Tip(NamedTuple):
    """All of a chain that the next block's level depends on."""

    header: Header
    own: int  # controller of this block
    controller: int  # of the next block
    past: tuple[Past, ...]  # of every block from genesis on


class State(NamedTuple):
    """All of a chain that the next block's validity depends on."""

    tip: Tip
    line: Line
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
    past = (*tip.past, Past(header.timestamp, header.ommers, streak, ended))
    if number >= rules["lag"] + 2:
        target, lagged = rules["target_block_time"], number - rules["lag"]
        dt = min(past[lagged].timestamp - past[lagged - 1].timestamp, rules["outage_cap"] * target)
        error = (target * (1 + past[lagged].ommers) - dt) * OCTAVE
        controller = clamp(controller + error // rules["half_life"], rules["lo"], rules["hi"])
    return Tip(header, tip.controller, controller, past)


def reward(spec: Spec, difficulty: int, controller: int) -> int:
    return int(spec.rewards["base_reward"]) * difficulty // work(controller)


def is_contested(spec: Spec, line: Line, number: int) -> bool:
    after = line.shown[number + 1 : number + spec.ommers["window"] + 1]
    return any(one.tip.header.number == number for shown in after for one in shown)


def count_settled(spec: Spec, line: Line) -> Line:
    """The line with u of the block that nobody can contest any more, if there is a new one."""
    number = len(line.tips) - 1 - spec.ommers["window"]
    counted = line.counted
    if number < 1 or len(counted) > number:
        return line
    value = 1
    if is_contested(spec, line, number):
        value = 0
    elif number >= 2 and line.tips[number].header.miner == line.tips[number - 1].header.miner:
        value = counted[-1] + 1 if counted[-1] < len(spec.rewards["streak_multiplier"]) else 1
    return line._replace(counted=(*counted, value))


def payments(spec: Spec, line: Line, tip: Tip, shown: tuple[Shown, ...]) -> Iterator[tuple[bytes, int]]:
    """What the block of the tip pays, on a line that ends below it and knows u of what is settled."""
    header, full = tip.header, reward(spec, tip.header.difficulty, tip.own)
    rules = spec.ommers
    if not rules["limit"]:
        yield header.beneficiary, full
        return
    yield header.beneficiary, full - full // rules["holdback"]
    paid = {one.tip.header.number for ommers in line.shown for one in ommers}
    base = int(spec.rewards["base_reward"])
    for one in shown:
        ommer = one.tip.header
        if ommer.number not in paid:
            winner = line.tips[ommer.number]
            held = reward(spec, winner.header.difficulty, winner.own) // rules["holdback"]
            price = base * ommer.difficulty // (rules["holdback"] * work(tip.own))
            yield ommer.beneficiary, min(held, price)
        paid.add(ommer.number)
    number = header.number - rules["window"] - 1
    if number >= 1 and number not in paid:
        settled, count = line.tips[number], line.counted[number]
        yield settled.header.beneficiary, reward(spec, settled.header.difficulty, settled.own) // rules["holdback"]
        if count >= 2:
            percent = spec.rewards["streak_multiplier"][count - 1] - 100
            yield settled.header.miner, base * percent * settled.header.difficulty // (100 * work(settled.own))


HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")


def after(spec: Spec, state: State, header: Header, ommers: tuple[Header, ...] = ()) -> State:
    """The state with this block on it, whose ommers are lawful."""
    tip, shown = advance(spec, state.tip, header), shown_by(spec, state.line, ommers)
    line = count_settled(spec, state.line)
    accounts = dict(state.accounts)
    if (history := accounts.get(HISTORY)) and history.code_hash != NO_CODE:
        slot = ((header.number - 1) % 8191).to_bytes(32, "big")
        accounts[HISTORY] = history._replace(storage={**history.storage, slot: header.parent_hash})
    for address, wei in payments(spec, line, tip, shown):
        if wei:
            account = accounts.get(address, Account())
            accounts[address] = account._replace(balance=account.balance + wei)
    return State(tip, Line((*line.tips, tip), (*line.shown, shown), line.counted), accounts)


def shown_by(spec: Spec, line: Line, ommers: tuple[Header, ...]) -> tuple[Shown, ...]:
    """The ommers with what they build on; one that builds on nothing known is left out."""
    found: list[Shown] = []
    for header in ommers:
        base = base_of(line, found, header.parent_hash)
        if base is not None:
            found.append(Shown(advance(spec, base.tip, header), base.fork))
    return tuple(found)


def base_of(line: Line, earlier: list[Shown], parent_hash: bytes) -> Shown | None:
    for one in [*earlier, *(one for shown in line.shown for one in shown)]:
        if one.tip.header.hash() == parent_hash:
            return one
    for tip in line.tips[::-1]:
        if tip.header.hash() == parent_hash:
            return Shown(tip, tip.header.number)
    return None


def ommer_violations(spec: Spec, state: State, block: Block) -> Iterator[Violation]:
    """What is wrong with the block's ommers."""
    header, line, number = block.header, state.line, state.tip.header.number + 1
    heads = [ommer.header for ommer in block.ommers]
    listed = keccak256(rlp([head.items() for head in heads]))
    if listed != header.ommers_hash:
        yield "ommers hash", f"{header.ommers_hash.hex()}, not {listed.hex()}"
        return
    if len(heads) != header.ommers:
        yield "ommer count", f"{len(heads)}, not {header.ommers}"
    chain = {tip.header.hash() for tip in line.tips[-spec.ommers["window"] - 2 :]}
    before = {one.tip.header.hash() for shown in line.shown[-spec.ommers["window"] :] for one in shown}
    earlier: list[Shown] = []
    for head, ommer in zip(heads, block.ommers, strict=True):
        name = head.hash()
        if not max(1, number - spec.ommers["window"]) <= head.number < number:
            yield "ommer window", f"{head.number} in {number}"
            return
        if name in chain or name in before or name in {one.tip.header.hash() for one in earlier}:
            yield "ommer twice", name.hex()
            return
        base = base_of(line, earlier, head.parent_hash)
        if base is None:
            yield "ommer parent", head.parent_hash.hex()
            return
        yield from ((f"ommer: {rule}", detail) for rule, detail in header_violations(spec, base.tip, head))
        if head.timestamp > header.timestamp:
            yield "ommer: timestamp", f"{head.timestamp} in {header.timestamp}"
        fork = line.tips[base.fork].controller
        factors = spec.ommers["fork_factor"], spec.ommers["chain_factor"]
        if factors[0] * head.difficulty < work(fork) or factors[1] * head.difficulty < work(state.tip.controller):
            yield "ommer difficulty", f"{head.difficulty}"
        earlier.append(Shown(advance(spec, base.tip, head), base.fork))
        if ommer.seal is None:
            yield "ommer: seal", "there is none"
            return
        whole = Block(head, [], ommer.seal)
        level = level_of(spec, base.tip, head)
        yield from ((f"ommer: {rule}", detail) for rule, detail in seal_violations(spec.chain_id, whole, ommer.seal))
        proof = proof_violations(spec, ommer.seal.solutions, head.mix_hash, level)
        yield from ((f"ommer: {rule}", detail) for rule, detail in proof)


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
        "extra data": (len(header.extra_data) >= 21, f"{len(header.extra_data)} bytes"),
        "ommer limit": (header.ommers <= spec.ommers["limit"], f"{header.ommers}"),
        "ommers hash": ((header.ommers == 0) == (header.ommers_hash == NO_OMMERS), header.ommers_hash.hex()),
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


def outcome_violations(spec: Spec, state: State, block: Block) -> Iterator[Violation]:
    header = block.header
    bodies = {
        rlp(number_bytes(index)): item if isinstance(item, bytes) else rlp(item)
        for index, item in enumerate(block.transactions)
    }
    if header.transactions_root != trie_root(bodies):
        yield "transactions root", header.transactions_root.hex()
    if block.transactions:
        yield "transactions", "this reader runs none"
    if header.gas_used:
        yield "gas used", f"{header.gas_used}"
    if header.receipts_root != EMPTY_ROOT:
        yield "receipts root", header.receipts_root.hex()
    if any(header.logs_bloom):
        yield "logs bloom", "it is not zero"
    root = state_root(after(spec, state, header, tuple(ommer.header for ommer in block.ommers)).accounts)
    if header.state_root != root:
        yield "state root", f"{header.state_root.hex()}, not {root.hex()}"


def violations(spec: Spec, state: State | None, data: bytes) -> Iterator[Violation]:
    """Every rule that these bytes break on that state (as the genesis block, without one), cheapest first."""
    try:
        block = block_of(data)
    except Oversized as error:
        yield "size", str(error)
        return
    except Invalid as error:
        yield "decoding", str(error)
        return
    if state is None:
        if block != Block(spec.genesis, [], None):
            yield "genesis", f"{block.header.hash().hex()}, not {spec.genesis.hash().hex()}"
        return
    yield from header_violations(spec, state.tip, block.header)
    if block.seal is None:
        yield "seal", "there is none"
        return
    yield from seal_violations(spec.chain_id, block, block.seal)
    level = level_of(spec, state.tip, block.header)
    yield from proof_violations(spec, block.seal.solutions, block.header.mix_hash, level)
    wrong = list(ommer_violations(spec, state, block))
    yield from wrong
    if not wrong:
        yield from outcome_violations(spec, state, block)


def first_state(spec: Spec) -> State:
    """Genesis."""
    past, start = (Past(spec.genesis.timestamp, 0, 0, 0),), spec.difficulty["start"]
    tip = Tip(spec.genesis, start, start, past)
    return State(tip, Line((tip,), ((),), (0,)), spec.accounts)


def verify_chain(spec: Spec, blocks: list[bytes]) -> list[State]:
    """The state after each block; Invalid names the first broken rule."""
    states: list[State] = []
    for number, data in enumerate(blocks):
        for rule, detail in violations(spec, states[-1] if states else None, data):
            raise Invalid(f"block {number} breaks the rule '{rule}': {detail}")
        block = block_of(data)
        heads = tuple(ommer.header for ommer in block.ommers)
        states.append(after(spec, states[-1], block.header, heads) if states else first_state(spec))
    return states
