"""Rewards: streak percentages, and no profit in waiting for an eased block."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.execution.rewards import block_reward, multiplier, reward_of
from quip.consensus.spec.chain_spec import RewardSpec
from quip.consensus.work.units import work
from support.chains import new_chain

RULES = RewardSpec(base_reward=10**19, streak_multiplier=(100, 200, 300, 400, 500))


@pytest.mark.parametrize(("streak", "percent"), [(1, 100), (2, 200), (5, 500), (6, 500), (1_000, 500)])
def test_multiplier(streak: int, percent: int) -> None:
    assert multiplier(RULES, streak) == percent
    assert multiplier(RewardSpec(1, (100,)), streak) == 100


def test_full_work_pays_the_base_reward() -> None:
    assert block_reward(RULES, 1, work(20 << 16), 20 << 16) == 10**19


@given(st.integers(1, 9), st.integers(0, 8 << 16), st.integers(8 << 16, 40 << 16))
def test_eased_blocks_pay_less(streak: int, eased: int, controller: int) -> None:
    full = block_reward(RULES, streak, work(controller), controller)
    paid = block_reward(RULES, streak, work(controller - eased), controller)
    assert paid <= full
    assert full - paid <= full * eased // 65_536 + full // 100  # 2^x >= 1 - x


def test_genesis_pays_nothing() -> None:
    head = new_chain().head
    assert reward_of(RULES, head.header, head.context) == 0
