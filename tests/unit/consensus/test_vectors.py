"""The golden vectors: the law's code says what the plain-Python second implementation said."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from quip.consensus.execution import gas
from quip.consensus.execution.rewards import full_reward, held_back, paid_by
from quip.consensus.proof_of_work.difficulty import (
    child_context,
    genesis_context,
    next_controller,
    overdue_level,
    requirements,
    streak_offset,
)
from quip.consensus.spec import document
from quip.consensus.spec.chain_spec import DifficultySpec, OmmerSpec, RewardSpec
from quip.consensus.types.ancestry import Ancestor, Ancestry, IncludedOmmer
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, Header
from quip.consensus.work import ladder
from quip.consensus.work.units import work
from reference import law, make_vectors
from support.places import VECTORS


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def difficulty_of(values: dict[str, Any]) -> DifficultySpec:
    overdue, streak = values["overdue"], values["streak"]
    return DifficultySpec(
        start=values["start"],
        lo=values["lo"],
        hi=values["hi"],
        target_block_time=values["target_block_time"],
        half_life=values["half_life"],
        outage_cap=values["outage_cap"],
        lag=values["lag"],
        overdue_after=overdue["after"],
        overdue_rate=overdue["rate"],
        overdue_limit=overdue["limit"],
        streak_rate=streak["rate"],
        streak_limit=streak["limit"],
        future_limit=values["future_limit"],
    )


def rewards_of(values: dict[str, Any]) -> RewardSpec:
    return RewardSpec(int(values["base_reward"]), tuple(values["streak_multiplier"]))


def header_of(values: dict[str, Any]) -> Header:
    given = [values[name] for name in law.HEADER_FIELDS]
    fields: list[Any] = [field if isinstance(field, int) else bytes.fromhex(field[2:]) for field in given]
    return Header(*fields)


@pytest.mark.parametrize("name", make_vectors.FILES)
def test_the_reference_still_says_the_same(name: str) -> None:
    assert make_vectors.text_of(name) == (VECTORS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", load("headers.json"))
def test_header(case: dict[str, Any]) -> None:
    header = header_of(case["header"])
    assert header.encode().hex() == case["rlp"][2:]
    assert header.hash.hex() == case["hash"][2:]
    assert header.sealing_hash.hex() == case["sealingHash"][2:]
    assert Header.decode(header.encode()) == header


def test_constants_of_empty_things() -> None:
    assert law.keccak256(law.rlp([])) == EMPTY_OMMERS_HASH
    assert law.keccak256(law.rlp(b"")) == EMPTY_TRIE_ROOT


@pytest.mark.parametrize(("level", "expected"), load("work.json"))
def test_work(level: int, expected: int) -> None:
    assert work(level) == expected


def test_ladder() -> None:
    vectors = load("ladder.json")
    points = tuple((level, margin) for level, margin in vectors["ladder"])
    assert [ladder.margin_at(points, level) for level, _ in vectors["points"]] == [m for _, m in vectors["points"]]


def test_controller() -> None:
    vectors = load("controller.json")
    rules, times, ommers = difficulty_of(vectors["difficulty"]), vectors["timestamps"], vectors["ommers"]
    levels = [rules.start, rules.start]
    for number in range(1, len(times)):
        lagged = max(number - rules.lag, 1)
        block_time_s = times[lagged] - times[lagged - 1]
        levels.append(next_controller(rules, levels[-1], number, block_time_s, ommers[lagged]))
    assert levels == vectors["controllers"]


def test_overdue() -> None:
    vectors = load("overdue.json")
    rules = difficulty_of(vectors["difficulty"])
    for number, block_time_s, expected in vectors["cases"]:
        assert overdue_level(rules, number, block_time_s) == expected


def spec_of(rules: DifficultySpec, points: Any, timestamp: int) -> Any:
    """As much of a spec as levels depend on."""
    puzzle, genesis = SimpleNamespace(ladder=points), SimpleNamespace(timestamp=timestamp)
    return SimpleNamespace(difficulty=rules, puzzle=puzzle, genesis=genesis)


def test_streaks() -> None:
    vectors = load("streaks.json")
    rules = difficulty_of(vectors["difficulty"])
    spec = spec_of(rules, ((rules.lo, 0), (rules.hi, 1)), 0)
    parent: Any = SimpleNamespace(number=0, timestamp=0, miner_id="")
    context = genesis_context(spec)
    found, offsets = [[0, 0]], [0]
    for number, miner in enumerate(vectors["miners"], 1):
        offsets.append(requirements(spec, parent, context, parent.timestamp + 30).offset)
        child: Any = SimpleNamespace(
            miner_id=miner, difficulty=1, timestamp=parent.timestamp + 30, number=number, ommer_count=0
        )
        context = child_context(rules, parent, context, child)
        parent = child
        found.append([context.streak, context.ended_streak])
    offsets.append(requirements(spec, parent, context, parent.timestamp + 30).offset)
    assert found == vectors["streaks"]
    assert [streak_offset(rules, *pair) for pair in found] == vectors["ruleOfTheStreak"]
    assert offsets == vectors["offsets"]


def test_rewards() -> None:
    vectors = load("rewards.json")
    spec: Any = SimpleNamespace(rewards=rewards_of(vectors["rewards"]), ommers=OmmerSpec(**vectors["ommers"]))
    for level, controller, full, held in vectors["cases"]:
        assert full_reward(spec, work(level), controller) == int(full)
        assert held_back(spec, work(level), controller) == int(held)


@pytest.mark.parametrize(("gas_limit", "gas_used", "base_fee", "expected"), load("base_fee.json"))
def test_base_fee(gas_limit: int, gas_used: int, base_fee: int, expected: int) -> None:
    parent = SimpleNamespace(gas_limit=gas_limit, gas_used=gas_used, base_fee_per_gas=base_fee)
    assert gas.next_base_fee(parent) == expected  # type: ignore[arg-type]


def payee(miner: str) -> bytes:
    return b"to " + miner.encode()


def ommer_of(place: int, number: int, difficulty: str, miner: str) -> Any:
    return SimpleNamespace(
        number=number, difficulty=int(difficulty), miner_id=miner.encode(), beneficiary=payee(miner), hash=place
    )


def test_chain_of_blocks() -> None:
    """Controller, streak, overdue, ladder, work, payments and sum together."""
    vectors = load("chain.json")
    rules, rewards = difficulty_of(vectors["difficulty"]), rewards_of(vectors["rewards"])
    points = tuple((level, margin) for level, margin in vectors["ladder"])
    spec = spec_of(rules, points, vectors["genesis"]["timestamp"])
    spec.rewards, spec.ommers = rewards, OmmerSpec(**vectors["ommers"])
    parent: Any = SimpleNamespace(number=0, timestamp=vectors["genesis"]["timestamp"], miner_id=b"")
    context: BlockContext = genesis_context(spec)
    ancestry = Ancestry(spec.ommers.window, [Ancestor(b"0", parent, context, ())], 0)
    for number, block in enumerate(vectors["blocks"], 1):
        required = requirements(spec, parent, context, block["timestamp"])
        assert (required.controller, required.level) == (block["controller"], block["level"])
        assert (str(required.work), required.margin) == (block["difficulty"], block["margin"])
        shown = [ommer_of(1_000 * number + place, *one) for place, one in enumerate(block["ommers"])]
        header: Any = SimpleNamespace(
            number=number, timestamp=block["timestamp"], miner_id=block["miner"].encode(), difficulty=required.work,
            ommer_count=len(shown), beneficiary=payee(block["miner"]),
        )  # fmt: skip
        context = child_context(rules, parent, context, header)
        parent = header
        assert (context.streak, context.ended_streak) == (block["streak"], block["endedStreak"])
        assert str(context.total_difficulty) == block["totalDifficulty"]
        ommers: Any = [SimpleNamespace(header=one) for one in shown]
        paid = paid_by(spec, ancestry, header, context, ommers)
        found = [
            ["beneficiary" if to == payee(who.decode()) else "miner id", who.decode(), str(wei)]
            for who, to, wei in paid.payments
        ]
        assert found == block["payments"], number
        assert paid.counted_streak == block["countedStreakSettled"]
        included = tuple(IncludedOmmer(one.hash, one, context, 0) for one in shown)
        ancestry = ancestry.extended(Ancestor(str(number).encode(), header, context, included), paid.counted_streak)


@pytest.mark.parametrize("case", load("spec_digest.json"))
def test_spec_digest(case: dict[str, Any]) -> None:
    assert document.canonical(case["document"]).decode() == case["canonical"]
    assert document.digest(case["document"]).hex() == case["digest"][2:]
