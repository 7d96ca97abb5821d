"""The command line of quip-network-node: which flags reach the configuration, from before and after the subcommand."""

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from quip.cli.commands import node
from quip.cli.terminal.flags import EVERY, Flag, settings_of
from quip.networks.shipped import spec_bytes
from quip.node.config.node_config import MinerCounts, NodeConfig
from quip.node.config.settings import SECTIONS, environment_name
from quip.node.errors import ConfigError
from support.node_certificates import key_of, pem, signed


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the files that flags name below."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "environ", os.environ.copy())
    one = signed("node", key_of("ed25519"))
    Path("crt").write_bytes(pem(one))
    Path("key").write_bytes(
        one.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    Path("key").chmod(0o600)
    Path("token").write_text("secret" * 6)
    Path("token").chmod(0o600)
    for section, model in SECTIONS.items():
        for key in model.model_fields:
            monkeypatch.delenv(environment_name(section, key), raising=False)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[NodeConfig]:
    """The configurations that would have run."""
    configurations: list[NodeConfig] = []
    monkeypatch.setattr("quip.node.node.run_node", configurations.append)
    return configurations


def run(*arguments: str) -> None:
    result = CliRunner().invoke(node.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output


def checked(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(node.app, [*arguments, "--check-config"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return tomllib.loads(result.output)


VALUES: dict[str, tuple[str, Any]] = {
    "peer": ("a:1", ["a:1"]),
    "bootnodes": ("a:1", ["a:1"]),
    "devices": ("3", ["3"]),
    "types": ("t4", ["t4"]),
    "dwave_api_solver": ("s", ["s"]),
    "dwave_api_key": ("DEV-x", "********"),
    "auto_mine": ("", True),
    "archive": ("", True),
    "mine_on_demand": ("", True),
    "log_level": ("debug", "DEBUG"),
    "backend": ("modal", "modal"),
    "daily_budget": ("2m/d", 120.0),
    "heartbeat_interval": ("3", 3.0),
    "heartbeat_timeout": ("99", 99.0),
    "tls_cert_file": ("crt", "crt"),
    "tls_key_file": ("key", "key"),
    "require_client_ca": ("crt", "crt"),
    "rpc_token_file": ("token", "token"),
    "genesis_config": ("test", "test"),
    "listen": ("127.0.0.1", "127.0.0.1"),
    "rpc_listen": ("127.0.0.2", "127.0.0.2"),
    "metrics_listen": ("127.0.0.2", "127.0.0.2"),
    "payout": ("0x" + "ab" * 20, "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"),
    "rpc_hosts": ("quip.lan", ["quip.lan"]),
    "rpc_cors": ("https://a.example", ["https://a.example"]),
    "metrics_hosts": ("quip.lan", ["quip.lan"]),
    "num_reads": ("64", 64),
    "num_sweeps": ("4096", 4096),
}
PARTNERS = {"tls_cert_file": ("--tls-key-file", "key"), "tls_key_file": ("--tls-cert-file", "crt")}


@pytest.mark.parametrize("flag", EVERY, ids=lambda flag: flag.parameter)
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_every_flag_sets_its_key_on_either_side_of_the_subcommand(flag: Flag, before: bool) -> None:
    given, wanted = VALUES.get(flag.key, ("7", 7) if flag.kind is int else ("x", "x"))
    option = [flag.option.partition("/")[0], *([given] if given else []), *PARTNERS.get(flag.key, ())]
    kind = flag.section if flag.section in ("gpu", "qpu") else "cpu"
    found = checked(*option, kind) if before else checked(kind, *option)
    assert found[flag.section][flag.key] == wanted


@pytest.mark.parametrize("kind", ["gpu", "qpu"])
def test_the_processor_that_stands_in_takes_its_flags(kind: str) -> None:
    assert checked(kind, "--num-cpus", "1", "--num-sweeps", "64")["cpu"] == {"num_cpus": 1, "num_sweeps": 64}


def test_lists_repeat_and_what_stands_after_wins() -> None:
    found = checked("--port", "1", "--peer", "a", "cpu", "--port", "2", "--peer", "b:1", "--peer", "c")
    assert (found["global"]["port"], found["global"]["peer"]) == (2, ["b:1", "c"])


@pytest.mark.parametrize(
    "arguments", [("--config", "c.toml"), ("--config", "c.toml", "cpu"), ("cpu", "--config", "c.toml")]
)
def test_the_file_may_stand_anywhere(arguments: tuple[str, ...], ran: list[NodeConfig]) -> None:
    Path("c.toml").write_text("[global]\nport = 1234\nauto_mine = 1\n")
    run(*arguments)
    assert [(value.kind, value.port, value.auto_mine) for value in ran] == [("cpu", 1234, True)]


def test_the_default_subcommand_comes_from_the_file(ran: list[NodeConfig]) -> None:
    Path("c.toml").write_text('[global]\ndefault = "gpu"\n')
    run("--config", "c.toml")
    assert [value.kind for value in ran] == ["gpu"]


@pytest.mark.parametrize(
    ("arguments", "port", "peers", "auto_mine"),
    [
        (("cpu", "--port", "8080", "--num-cpus", "4"), 8080, (), False),
        (("cpu", "--port", "20049", "--auto-mine"), 20049, (), True),
        (("cpu", "--port", "20050", "--peer", "localhost:20049", "--auto-mine"), 20050, ("localhost:20049",), True),
        (("cpu", "--listen", "127.0.0.1", "--port", "8085", "--public-host", "127.0.0.1:8085", "--auto-mine",
          "--peer", "127.0.0.1:8085", "--genesis-config", "genesis_block_public.json"),
         8085, ("127.0.0.1:8085",), True),
    ],
)  # fmt: skip
def test_commands_that_operators_know(
    arguments: tuple[str, ...], port: int, peers: tuple[str, ...], auto_mine: bool, ran: list[NodeConfig]
) -> None:
    run(*arguments)
    (value,) = ran
    assert (value.port, value.peers, value.auto_mine) == (port, peers, auto_mine)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("gpu", "--port", "8082", "--peer", "localhost:8080", "--device", "0"), MinerCounts(0, ("0",), ())),
        (("gpu", "--port", "20051", "--peer", "localhost:20049", "--auto-mine"), MinerCounts(0, ("0",), ())),
        (("gpu", "--gpu-backend", "mps", "--port", "20052", "--peer", "localhost:20049", "--auto-mine"),
         MinerCounts(0, ("0",), ())),
        (("gpu", "--gpu-backend", "modal", "--auto-mine", "--gpu-type", "t4"), MinerCounts(0, ("t4",), ())),
        (("gpu", "--device", "0", "--device", "3"), MinerCounts(0, ("0", "3"), ())),
        (("qpu", "--dwave-api-solver", "Advantage_system6.4"), MinerCounts(0, (), ("Advantage_system6.4",))),
    ],
)  # fmt: skip
def test_other_kinds_run_too(arguments: tuple[str, ...], wanted: MinerCounts, ran: list[NodeConfig]) -> None:
    run(*arguments)
    assert [value.miners for value in ran] == [wanted]


def test_mistakes_on_the_command_line_are_configuration_errors() -> None:
    with pytest.raises(ConfigError, match="--port 70000: must be at most 65535"):
        run("cpu", "--port", "70000")
    result = CliRunner().invoke(node.app, ["cpu", "--prot", "1"])
    assert (result.exit_code, "No such option: --prot" in result.output) == (2, True)


def test_an_empty_path_on_the_command_line_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'--data-dir "": must not be empty'):
        run("cpu", "--data-dir", "")
    result = CliRunner().invoke(node.app, ["cpu", "--config", ""])
    assert (result.exit_code, "must not be empty" in result.output) == (2, True)


def test_what_the_operator_should_hear_is_said_beside_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIP_PORT", "tcp://10.0.0.7:20049")
    result = CliRunner().invoke(node.app, ["cpu", "--check-config"], catch_exceptions=False)
    assert result.stderr.startswith("notice: ignored, as Kubernetes sets them for a service: QUIP_PORT")
    assert tomllib.loads(result.stdout)["global"]["port"] == 20049


def test_what_is_shown_is_what_the_directory_decides() -> None:
    Path("data").mkdir()
    Path("data/chain_spec.json").write_bytes(spec_bytes("dev"))
    assert checked("cpu", "--data-dir", "data")["global"]["genesis_config"] == "data/chain_spec.json"
    assert checked("cpu")["global"]["genesis_config"] == "public"


def test_a_start_makes_nothing_where_it_cannot_run(ran: list[NodeConfig]) -> None:
    with pytest.raises(ConfigError, match="node_log"):
        run("cpu", "--data-dir", "data", "--node-log", "/dev/null/node.log")
    assert (ran, Path("data").exists()) == ([], False)


def test_num_cpus_limits_the_numerical_libraries(ran: list[NodeConfig], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in node.THREAD_LIMITS:
        monkeypatch.setenv(variable, "64")
    run("cpu", "--num-cpus", "1")
    assert {os.environ[variable] for variable in node.THREAD_LIMITS} == {"1"}
    assert ran[0].cpu.num_cpus == 1


def test_only_given_flags_count() -> None:
    given: dict[str, object] = {"global_port": None, "global_peer": [], "global_auto_mine": False, "cpu_num_cpus": 2}
    assert settings_of(EVERY, given) == {"global": {"auto_mine": False}, "cpu": {"num_cpus": 2}}
