"""Seal checks off the loop: verdicts in order, connections in turns, our own failures never taken for a good seal."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from quip.consensus import block_validation
from quip.consensus.block_validation import SealCheck, SealedHeader
from quip.consensus.errors.seal import SealError, SealUnchecked
from quip.net.actions import CheckSeals
from quip.net.events import SealsChecked
from quip.node.network import seal_pool
from quip.node.network.seal_pool import FIRST_TURN, LONGEST_TURN, SealPool
from quip.node.process.failures import Failures
from support.chains import grown, network_spec, puzzle_of
from support.judged import checked_headers

BLOCKS = 6


def checks() -> tuple[SealCheck, ...]:
    chain = grown(BLOCKS).chain
    found = []
    for checked in checked_headers(chain):
        block = chain.block_by_hash(checked.hash)
        assert block is not None
        assert block.seal is not None
        found.append(SealCheck(checked, block.seal))
    return tuple(found)


class Bench:
    """A pool whose reports are collected."""

    def __init__(self) -> None:
        self.reports: list[SealsChecked] = []
        self.failures = Failures()
        self.pool = SealPool(network_spec(), puzzle_of(network_spec()), self.reports.append, self.failures)

    async def wait_for(self, count: int) -> list[SealsChecked]:
        async with asyncio.timeout(30):
            while len(self.reports) < count:
                await asyncio.sleep(0)
        self.pool.close()
        return self.reports


async def test_verdicts_come_in_the_order_of_the_checks() -> None:
    bench, good = Bench(), checks()
    bad = replace(good[4], seal=replace(good[4].seal, xmss_signature=good[3].seal.xmss_signature))
    bench.pool.submit(CheckSeals(7, 1, (*good[:4], bad, good[5])))
    (report,) = await bench.wait_for(1)
    assert report.job == 7
    assert [isinstance(verdict, SealedHeader) for verdict in report.verdicts] == [True, True, True, True, False, True]
    assert isinstance(report.verdicts[4], SealError)
    sealed = [verdict for verdict in report.verdicts if isinstance(verdict, SealedHeader)]
    assert [one.checked for one in sealed] == [good[place].checked for place in (0, 1, 2, 3, 5)]


async def test_nothing_to_check_is_answered_too() -> None:
    bench = Bench()
    bench.pool.submit(CheckSeals(1, 1, ()))
    assert await bench.wait_for(1) == [SealsChecked(1, ())]


async def test_connections_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_pool, "logical_cpus", lambda: 1)
    bench, good = Bench(), checks()
    many = tuple(good[number % BLOCKS] for number in range(FIRST_TURN + 2 * LONGEST_TURN))
    bench.pool.submit(CheckSeals(1, 1, many))
    bench.pool.submit(CheckSeals(2, 2, good[:1]))
    bench.pool.submit(CheckSeals(3, 1, good[:1]))
    assert [report.job for report in await bench.wait_for(3)] == [2, 1, 3]


async def test_a_failure_of_our_own_is_no_good_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*arguments: Any) -> None:
        raise RuntimeError("a bug")

    bench, good = Bench(), checks()
    monkeypatch.setattr(block_validation, "check_seals", crash)
    bench.pool.submit(CheckSeals(1, 1, good))
    (report,) = await bench.wait_for(1)
    assert [type(error) for error in report.verdicts] == [SealUnchecked] * BLOCKS
    assert {one["thread"]: one["reason"] for one in bench.failures.objects()} == {"seals": "RuntimeError: a bug"}


async def test_what_has_not_begun_is_dropped_on_close() -> None:
    bench, good = Bench(), checks()
    for job in range(50):
        bench.pool.submit(CheckSeals(job, job, good))
    bench.pool.close()
    await asyncio.sleep(0)
    assert len(bench.reports) < 50
