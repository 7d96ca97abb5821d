"""Where RPC and metrics listen when the port that they should have is taken."""

import contextlib
import errno
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from quip.node.config.node_config import NodeConfig, load
from quip.node.errors import ConfigError, PortBusy, PortForbidden
from quip.node.process import listeners
from quip.node.process.listeners import listening, rpc_access_of
from quip.rpc.transport import http
from quip.rpc.transport.access import Access


def configured(**flags: object) -> NodeConfig:
    return load({"global": flags}, None)


def test_a_port_by_rule_that_is_in_use_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first nodes outside the rule's range take what the rule gives to others; both kinds have to start."""
    with contextlib.closing(http.listen(0)) as taken, capture_logs() as lines:
        usual = taken.port
        monkeypatch.setattr(listeners, "rpc_port_for", lambda _: usual)
        monkeypatch.setattr(listeners, "FIRST_RPC_PORT", usual)
        with listening(configured()) as found:
            assert found.rpc.port > usual
            assert found.metrics is None
    assert [line["usual"] for line in lines] == [usual]


@pytest.mark.parametrize(("flag", "what"), [("rpc_port", "JSON-RPC server"), ("metrics_port", "metrics")])
def test_a_port_that_was_asked_for_does_not(flag: str, what: str) -> None:
    with contextlib.closing(http.listen(0)) as taken:
        port = taken.port
        with (
            pytest.raises(PortBusy, match=f"port {port}, wanted for the {what}, is in use"),
            listening(configured(**{"rpc_port": 0, flag: port})),
        ):
            pass


def test_nothing_is_held_afterwards() -> None:
    with listening(configured(rpc_port=0, metrics_port=0)) as found:
        assert found.metrics is not None
        ports = [found.rpc.port, found.metrics.port]
    for port in ports:
        http.listen(port).close()


def test_what_was_configured_is_served() -> None:
    config = configured(rpc_port=0, rpc_listen="0.0.0.0", rpc_hosts="Quip.lan", rpc_cors="https://a.example")
    with capture_logs() as lines, listening(config) as found:
        assert found.rpc.sockets[0].getsockname()[0] == "0.0.0.0"
        assert found.rpc_access == Access.of(["quip.lan"], ["https://a.example"])
        assert not found.metrics_access.admits_host("quip.lan")
    assert [(line["event"], line["listen"]) for line in lines] == [("rpc for others", "0.0.0.0")]


def test_the_address_that_was_chosen_is_a_host_that_may_be_called() -> None:
    with listening(configured(rpc_port=0, rpc_listen="127.0.0.9", metrics_port=0, metrics_hosts="m")) as found:
        assert found.rpc_access.admits_host("127.0.0.9:1")
        assert found.metrics_access.admits_host("m:9100")
        assert not found.rpc_access.admits_host("m")


@pytest.mark.parametrize("key", ["rpc_listen", "metrics_listen"])
@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_refused(key: str, host: str) -> None:
    config = configured(**{"rpc_port": 0, "metrics_port": 0, key: host})
    with pytest.raises(ConfigError, match=f"{key} = '{host}' is no address of this machine"), listening(config):
        pass


def test_a_privileged_port_is_not_called_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(port: int, host: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(http, "listen", refuse)
    with pytest.raises(PortForbidden, match="may not listen on port 80"), listening(configured(rpc_port=80)):
        pass


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_token_is_what_the_file_holds(tmp_path: Path) -> None:
    file = written(tmp_path / "token", f" {'a' * 32}\n", 0o640)
    config = configured(rpc_port=0, rpc_token_file=str(file))
    assert rpc_access_of(config).token == b"a" * 32
