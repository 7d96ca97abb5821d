"""Where RPC and metrics listen when the port that they should have is taken."""

import contextlib

import pytest
from structlog.testing import capture_logs

from quip.node.config.node_config import NodeConfig, load
from quip.node.errors import PortBusy
from quip.node.process import listeners
from quip.node.process.listeners import listening
from quip.rpc.transport import http


def configured(**flags: object) -> NodeConfig:
    return load({"global": flags}, None)


def test_a_port_by_rule_that_is_in_use_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first nodes outside the rule's range take what the rule gives to others; both kinds have to start."""
    with contextlib.closing(http.listen(0)) as taken, capture_logs() as lines:
        usual = taken.getsockname()[1]
        monkeypatch.setattr(listeners, "rpc_port_for", lambda _: usual)
        monkeypatch.setattr(listeners, "FIRST_RPC_PORT", usual)
        with listening(configured()) as found:
            assert found.rpc.getsockname()[1] > usual
            assert found.metrics is None
    assert [line["usual"] for line in lines] == [usual]


@pytest.mark.parametrize(("flag", "what"), [("rpc_port", "JSON-RPC server"), ("metrics_port", "metrics")])
def test_a_port_that_was_asked_for_does_not(flag: str, what: str) -> None:
    with contextlib.closing(http.listen(0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(PortBusy, match=f"port {port}, wanted for the {what}, is in use"),
            listening(configured(**{"rpc_port": 0, flag: port})),
        ):
            pass


def test_nothing_is_held_afterwards() -> None:
    with listening(configured(rpc_port=0, metrics_port=0)) as found:
        assert found.metrics is not None
        ports = [found.rpc.getsockname()[1], found.metrics.getsockname()[1]]
    for port in ports:
        http.listen(port).close()
