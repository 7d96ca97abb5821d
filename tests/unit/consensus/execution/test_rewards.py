"""Rewards: no profit in waiting for an eased block; what is held back goes to one place or comes back, once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.execution.rewards import flat_rewards, full_reward, held_back, own_payment
from quip.consensus.spec.chain_spec import OmmerSpec, RewardSpec
from quip.consensus.work.units import work
from support.chains import network_spec, new_chain

SPEC = network_spec()
FLAT = replace(SPEC, rewards=RewardSpec(10**19, (100,)), ommers=OmmerSpec(256, 0, 16, 4, 16))


def test_full_work_pays_the_base_reward() -> None:
    assert full_reward(SPEC, work(20 << 16), 20 << 16) == SPEC.rewards.base_reward
    assert held_back(SPEC, work(20 << 16), 20 << 16) == SPEC.rewards.base_reward // 16
    assert held_back(FLAT, work(20 << 16), 20 << 16) == 0


@given(st.integers(0, 8 << 16), st.integers(8 << 16, 40 << 16))
def test_eased_blocks_pay_less(eased: int, controller: int) -> None:
    full = full_reward(SPEC, work(controller), controller)
    paid = full_reward(SPEC, work(controller - eased), controller)
    assert paid <= full
    assert full - paid <= full * eased // 65_536 + full // 100  # 2^x >= 1 - x


def test_genesis_pays_nothing() -> None:
    head = new_chain().head
    assert own_payment(SPEC, head.header, head.context).amount == 0
    assert flat_rewards(FLAT, head.header, head.context).payments == ()
