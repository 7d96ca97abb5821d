"""Users' transactions in whole networks with faults: in the end every honest pool has what any of them has.

`tests/unit/sim/test_seeds.py` plays the same seeds without transactions.
"""

from dataclasses import replace

import pytest

from quip.net.gossip.transaction_relay import TransactionRelay
from quip.net.wire.messages import TransactionsRequest
from sim.scenario import scenario_of
from sim.simulation import Report, play

SEEDS = 16
CHUNK = 4
TRANSACTIONS = 60
REGRESSIONS: dict[int, str] = {
    56: "a block that the own chain showed as an ommer was taken for a stored one, and its branch never imported",
}
"""Seeds beyond the first that once failed, and what they found."""
LACKS = "transactions that others have"


def played(seed: int) -> Report:
    return play(replace(scenario_of(seed), transactions=TRANSACTIONS))


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_pool_has_every_transaction_in_the_end(first: int) -> None:
    failed = {seed: report.breaches for seed in range(first, first + CHUNK) if not (report := played(seed)).passed}
    assert failed == {}


def test_what_once_failed() -> None:
    failed = {seed: report.breaches for seed in REGRESSIONS if not (report := played(seed)).passed}
    assert failed == {}, {seed: REGRESSIONS[seed] for seed in failed}


def test_a_history_with_transactions_is_another_one_and_still_the_same_each_time() -> None:
    seed = 5
    report = played(seed)
    assert report.counts["transactions sent"] == TRANSACTIONS
    assert report.digest == played(seed).digest
    assert report.digest != play(scenario_of(seed)).digest


def test_without_reminders_a_link_that_stood_still_loses_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announcements that waited come at once afterwards, and a peer ignores those above the rate."""
    monkeypatch.setattr(TransactionRelay, "_remind", lambda self, state, now: None)
    assert any(LACKS in breach for breach in played(12).breaches)


def test_without_answers_nothing_spreads(monkeypatch: pytest.MonkeyPatch) -> None:
    real = TransactionRelay.answer

    def nothing(self: TransactionRelay, peer: int, request: TransactionsRequest) -> object:
        return replace(real(self, peer, request), transactions=())

    monkeypatch.setattr(TransactionRelay, "answer", nothing)
    assert any(LACKS in breach for breach in played(5).breaches)
