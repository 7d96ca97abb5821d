"""Shares of the processor: each connection's own, and what those that came to us have in common."""

import pytest

from quip.net.limits import (
    CPU_AT_ONCE_S,
    CPU_COMMON,
    CPU_COMMON_AT_ONCE_S,
    CPU_JOINED,
    CPU_JOINED_AT_ONCE_S,
    CPU_STRANGERS,
    CPU_STRANGERS_AT_ONCE_S,
    MAX_INBOUND,
)
from quip.net.quic import cpu_budget
from quip.net.quic.cpu_budget import CommonCpuBudget, CpuBudget


class Watch:
    """A thread's clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def thread_time(self) -> float:
        return self.now_s


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(cpu_budget, "time", made)
    return made


def spend(watch: Watch, share: CpuBudget, cost_s: float, now_s: float = 0.0) -> float:
    """Datagrams of that cost until one is refused; what they took."""
    spent_s = 0.0
    for _ in range(100_000):
        if not share.try_spend(now_s):
            return spent_s
        watch.now_s += cost_s
        spent_s += cost_s
        share.done()
    raise AssertionError("nothing bounds it")


@pytest.mark.parametrize("cost_s", [0.00005, 0.001, 0.02])
def test_a_connection_that_we_dialled_has_its_own(watch: Watch, cost_s: float) -> None:
    assert spend(watch, CpuBudget(0.0, None), cost_s) <= CPU_AT_ONCE_S + cost_s


@pytest.mark.parametrize("cost_s", [0.00005, 0.001, 0.03])
def test_strangers_share_one_budget(watch: Watch, cost_s: float) -> None:
    """However dear a datagram is: nothing of it goes uncharged, and nobody has a first one free."""
    common = CommonCpuBudget.full(0.0)
    shares = [CpuBudget(0.0, common) for _ in range(200)]
    assert sum(spend(watch, share, cost_s) for share in shares) <= CPU_STRANGERS_AT_ONCE_S + cost_s
    assert sum(spend(watch, share, cost_s, now_s=2.0) for share in shares) <= 2 * CPU_STRANGERS + cost_s


def test_who_has_joined_is_heard_while_others_drain_the_common_budget(watch: Watch) -> None:
    common = CommonCpuBudget.full(0.0)
    greedy, modest, stranger = (CpuBudget(0.0, common) for _ in range(3))
    for share in (greedy, modest):
        share.joined(0.0)
        share.joined(0.0)
    for second in range(1, 20):
        assert spend(watch, greedy, 0.01, float(second)) > 0
        assert not greedy.try_spend(float(second))
        assert stranger.try_spend(float(second))  # and newcomers get in
        assert modest.try_spend(float(second))
        watch.now_s += CPU_JOINED / 2
        modest.done()


def test_peers_have_little_of_their_own(watch: Watch) -> None:
    common = CommonCpuBudget.full(0.0)
    shares = [CpuBudget(0.0, common) for _ in range(MAX_INBOUND)]
    for share in shares:
        share.joined(0.0)
    spent_s = sum(spend(watch, share, 0.001) for share in shares)
    assert spent_s <= CPU_COMMON_AT_ONCE_S + MAX_INBOUND * (CPU_JOINED_AT_ONCE_S + 0.001)
    later_s = sum(spend(watch, share, 0.001, now_s=1.0) for share in shares)
    assert later_s <= CPU_COMMON + MAX_INBOUND * (CPU_JOINED + 0.001) + 1e-6


def test_acting_on_what_was_said_is_paid_for_too(watch: Watch) -> None:
    share = CpuBudget(0.0, None)
    assert share.try_spend(0.0)
    share.done()
    assert share.try_spend(0.0)
    share.charge(CPU_AT_ONCE_S)
    assert not share.try_spend(0.0)


@pytest.mark.parametrize("common", [None, CommonCpuBudget.full(0.0)], ids=["dialled", "inbound"])
def test_a_datagram_dearer_than_every_budget_is_paid_in_time(watch: Watch, common: CommonCpuBudget | None) -> None:
    """A collection of garbage, say, that fell into its handling: the connection must not be deaf for ever."""
    share = CpuBudget(0.0, common)
    assert share.try_spend(0.0)
    watch.now_s += 10.0
    share.done()
    assert not share.try_spend(1.0)
    assert [share.try_spend(float(second)) for second in range(2, 100)][-1]
