"""EIP-1559's base fee, and the step of the gas limit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.execution.gas import gas_limit_step, next_base_fee
from support.chains import new_chain

HEADER = new_chain().head.header


@pytest.mark.parametrize(("limit", "step"), [(30_000_000, 29_296), (5_000, 4), (1_024, 1), (1_023, 0)])
def test_step(limit: int, step: int) -> None:
    assert gas_limit_step(limit) == step


@given(st.integers(5_000, 1 << 40), st.integers(0, 100), st.integers(0, 1 << 80))
def test_moves_by_an_eighth_at_most(gas_limit: int, percent: int, base_fee: int) -> None:
    used = gas_limit * percent // 100
    after = next_base_fee(replace(HEADER, gas_limit=gas_limit, gas_used=used, base_fee_per_gas=base_fee))
    assert base_fee - base_fee // 8 <= after <= base_fee + max(base_fee // 8 + base_fee // gas_limit + 1, 1)
    if used > gas_limit // 2:
        assert after > base_fee
    else:
        assert after <= base_fee
