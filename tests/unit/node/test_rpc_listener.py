"""Where the RPC listens when the port that it should have is taken."""

import contextlib

import pytest
from structlog.testing import capture_logs

from quip.node import node as wiring
from quip.node.config import NodeConfig, load
from quip.node.errors import PortBusy
from quip.rpc import server


def configured(**flags: object) -> NodeConfig:
    return load({"global": flags}, None)


def test_a_port_by_rule_that_is_in_use_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first nodes outside the rule's range take what the rule gives to others; both kinds have to start."""
    with contextlib.closing(server.listen(0)) as taken, capture_logs() as lines:
        usual = taken.getsockname()[1]
        monkeypatch.setattr(wiring, "rpc_port_for", lambda _: usual)
        monkeypatch.setattr(wiring, "FIRST_RPC_PORT", usual)
        with contextlib.closing(wiring._rpc_listener(configured())) as found:
            assert found.getsockname()[1] > usual
    assert [line["usual"] for line in lines] == [usual]


def test_a_port_that_was_asked_for_does_not() -> None:
    with contextlib.closing(server.listen(0)) as taken, pytest.raises(PortBusy, match="in use"):
        wiring._rpc_listener(configured(rpc_port=taken.getsockname()[1]))
