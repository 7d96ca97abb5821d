"""Cutting a network, and what that gives: a past that nobody can have mined, and a floor under every reward."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.execution.genesis import genesis_header
from quip.consensus.execution.rewards import full_reward
from quip.consensus.proof_of_work.difficulty import child_context, genesis_context, requirements
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.consensus.work.units import work
from quip.networks.cut import FASTEST_CORE, Cut, commits_to, cut_network, floor_level
from quip.networks.shipped import NETWORKS, spec_bytes

WORDS = b"The Times 03/Jan/2009 Chancellor on brink of second bailout for banks"
NOW = 1_790_000_000
T = 30


def cut(name: str, **more: int) -> ChainSpec:
    return parse_spec(cut_network(spec_bytes(name), Cut(NOW, WORDS, **more)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_cut_changes_time_and_commitment_and_nothing_else(name: str) -> None:
    before, after = parse_spec(spec_bytes(name)), cut(name)
    assert after.genesis.timestamp == NOW
    assert commits_to(after, WORDS)
    assert not commits_to(after, WORDS + b".") and not commits_to(before, WORDS)
    assert after.digest != before.digest
    assert genesis_header(after, EMPTY_TRIE_ROOT).hash != genesis_header(before, EMPTY_TRIE_ROOT).hash
    assert replace(after, genesis=before.genesis, digest=before.digest) == before


def test_the_commitment_leaves_the_place_of_the_ommers_number_empty() -> None:
    for words in (b"a", b"b", WORDS):
        data = parse_spec(cut_network(spec_bytes("test"), Cut(NOW, words))).genesis.extra_data
        assert len(data) == 32 and data[20] == 0


def test_the_floor_is_what_a_core_does_in_a_block_time() -> None:
    floor = floor_level(FASTEST_CORE, T)
    assert work(floor - 1) * 1_000 < FASTEST_CORE * T <= (work(floor) + 1) * 1_000
    made = cut("public", least_level=floor)
    assert made.difficulty.lo == floor
    assert made.difficulty.start >= floor
    assert cut("public", least_level=1).difficulty == parse_spec(spec_bytes("public")).difficulty


def test_the_shipped_public_spec_has_the_floor_already_and_no_other_has() -> None:
    public, dev = (parse_spec(spec_bytes(name)) for name in ("public", "dev"))
    assert public.difficulty.lo == floor_level(FASTEST_CORE, public.difficulty.target_block_time)
    assert public.difficulty.lo / 65_536 == pytest.approx(30.88, abs=0.01)
    assert public.puzzle.ladder[0][0] < public.difficulty.lo < public.difficulty.start, "the points below stay"
    assert dev.difficulty.lo < floor_level(FASTEST_CORE, dev.difficulty.target_block_time)


def test_a_floor_above_the_ladder_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="above hi"):
        cut("public", least_level=255 << 16)


def test_what_is_no_spec_is_no_network() -> None:
    document = json.loads(spec_bytes("test"))
    del document["genesis"]
    with pytest.raises(InvalidSpec):
        cut_network(json.dumps(document).encode(), Cut(NOW, WORDS))
    with pytest.raises(InvalidSpec, match="timestamp"):
        cut_network(spec_bytes("test"), Cut(-1, WORDS))


PUBLIC = cut("public", least_level=floor_level(FASTEST_CORE, T))
MOST_PERCENT = max(PUBLIC.rewards.streak_multiplier)
GAPS = st.one_of(st.integers(1, 60), st.sampled_from((1, 30, 300, 1_260, 10**6)))


@given(st.lists(st.tuples(GAPS, st.sampled_from((b"\1", b"\2"))), min_size=1, max_size=120))
def test_no_chain_pays_more_than_a_reward_for_what_a_core_does_in_a_block_time(blocks: list[tuple[int, bytes]]) -> None:
    """Whatever its stamps and identities; a core of 66 updates/ns can do so much work per T since the genesis."""
    header = genesis_header(PUBLIC, EMPTY_TRIE_ROOT)
    context = genesis_context(PUBLIC)
    paid = 0
    for gap_s, miner in blocks:
        required = requirements(PUBLIC, header, context, header.timestamp + gap_s)
        child = replace(
            header,
            number=header.number + 1,
            timestamp=header.timestamp + gap_s,
            difficulty=required.work,
            parent_hash=header.hash,
            extra_data=miner * 20 + b"\0",
        )
        context = child_context(PUBLIC.difficulty, header, context, child)
        header = child
        paid += full_reward(PUBLIC, header.difficulty, context.controller)
    core_block_times = context.total_difficulty * 1_000 / (FASTEST_CORE * T)
    assert paid * 100 <= PUBLIC.rewards.base_reward * MOST_PERCENT * core_block_times * (1 + 1e-9)
