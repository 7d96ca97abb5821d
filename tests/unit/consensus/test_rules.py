"""The order of the checks: the cheapest broken rule speaks, whatever else is broken.

That each rule alone has its own error is shown in tests/unit/chain/test_mutants.py.
"""

from dataclasses import replace
from typing import Any

import pytest

from quip.consensus import rules
from quip.consensus.errors.header import (
    FutureBlock,
    GasLimitOutOfBounds,
    GasLimitStep,
    GasUsedAboveLimit,
    TimestampNotAfterParent,
    TooManyOmmers,
    WrongBaseFee,
    WrongDifficulty,
    WrongExtraData,
    WrongNumber,
    WrongOmmersHash,
)
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import InvalidSignature, WrongMiner, WrongSolutionCount, WrongSuite
from quip.consensus.proof_of_work.difficulty import requirements
from support.chains import grown, network_spec, puzzle_of
from support.mutants import next_block

MADE = grown(3)
SPEC = network_spec()
PARENT, CONTEXT = MADE.chain.head.header, MADE.chain.head.context
GOOD = next_block(MADE)
NOW = GOOD.header.timestamp

HEADER_ORDER: list[tuple[type[ConsensusError], dict[str, Any]]] = [
    (WrongNumber, {"number": 9}),
    (WrongExtraData, {"extra_data": b""}),
    (TooManyOmmers, {"extra_data": bytes(20) + b"\5"}),
    (WrongOmmersHash, {"ommers_hash": bytes(32)}),
    (TimestampNotAfterParent, {"timestamp": PARENT.timestamp}),
    (GasLimitOutOfBounds, {"gas_limit": SPEC.gas_limit_maximum + 1}),
    (GasUsedAboveLimit, {"gas_used": 1 << 40}),
    (WrongBaseFee, {"base_fee_per_gas": 0}),
    (WrongDifficulty, {"difficulty": 0}),
]


def test_a_good_header() -> None:
    rules.check_gate(SPEC, GOOD.header)
    required = rules.check_header(SPEC, PARENT, CONTEXT, GOOD.header)
    assert required == requirements(SPEC, PARENT, CONTEXT, GOOD.header.timestamp)
    rules.check_seal(SPEC, puzzle_of(SPEC), GOOD.header, GOOD.seal, required.margin)


@pytest.mark.parametrize("first", range(len(HEADER_ORDER)))
def test_order_of_header_rules(first: int) -> None:
    changes: dict[str, Any] = {}
    for _, change in reversed(HEADER_ORDER[first:]):
        changes |= change
    with pytest.raises(HEADER_ORDER[first][0]) as caught:
        rules.check_header(SPEC, PARENT, CONTEXT, replace(GOOD.header, **changes))
    assert type(caught.value) is HEADER_ORDER[first][0]


def test_the_time_of_a_header() -> None:
    punctual = replace(SPEC, difficulty=replace(SPEC.difficulty, future_limit=1))
    with pytest.raises(FutureBlock):
        rules.check_time(punctual, GOOD.header, NOW - 2)
    rules.check_time(punctual, GOOD.header, NOW - 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"suite": 1, "ecdsa_key": b"", "solutions": ()}, WrongSuite),
        ({"xmss_key": GOOD.seal.xmss_key[:-1] + b"\0", "solutions": ()}, WrongMiner),  # type: ignore[union-attr]
        ({"ecdsa_signature": b"", "solutions": ()}, InvalidSignature),
        ({"solutions": ()}, WrongSolutionCount),
    ],
)
def test_signature_before_proof(changes: dict[str, Any], error: type[ConsensusError]) -> None:
    assert GOOD.seal is not None
    required = rules.check_header(SPEC, PARENT, CONTEXT, GOOD.header)
    with pytest.raises(error):
        rules.check_seal(SPEC, puzzle_of(SPEC), GOOD.header, replace(GOOD.seal, **changes), required.margin)


def test_a_signature_is_for_one_chain() -> None:
    with pytest.raises(InvalidSignature):
        rules.check_signature(replace(SPEC, chain_id=1), GOOD.header, GOOD.seal)


def test_gas_limit_moves_by_less_than_a_1024th() -> None:
    step = PARENT.gas_limit // 1024
    for change in (step - 1, 1 - step):
        header = replace(GOOD.header, gas_limit=PARENT.gas_limit + change)
        rules.check_header(SPEC, PARENT, CONTEXT, header)
    for change in (step, -step):
        with pytest.raises(GasLimitStep):
            rules.check_header(SPEC, PARENT, CONTEXT, replace(header, gas_limit=PARENT.gas_limit + change))
