"""Configuration: precedence, every key, and the errors that name what was meant."""

import os
from pathlib import Path
from typing import Any

import pytest

from quip.node.config import data_dir, node_config
from quip.node.config.settings import SECTIONS, environment_name
from quip.node.errors import ConfigError
from support.places import ROOT

EXAMPLE = ROOT / "quip-node.example.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for section, model in SECTIONS.items():
        for key in model.model_fields:
            monkeypatch.delenv(environment_name(section, key), raising=False)


def written(text: str) -> Path:
    path = Path("config.toml")
    path.write_text(text)
    return path


def test_precedence_is_flag_then_environment_then_dotenv_then_file_then_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = written("[global]\nport = 1\n")
    assert node_config.load({}, None).port == 20049
    assert node_config.load({}, file).port == 1
    Path(".env").write_text("QUIP_PORT=2\n")
    assert node_config.load({}, file).port == 2
    monkeypatch.setenv("QUIP_PORT", "3")
    assert node_config.load({}, file).port == 3
    assert node_config.load({"global": {"port": 4}}, file).port == 4


def test_sources_merge_key_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUIP_CPU_NUM_READS", "32")
    file = written('[global]\npeer = "a:1"\n[cpu]\nnum_sweeps = 7\nnum_reads = 1\n')
    value = node_config.load({"cpu": {"num_cpus": 1}}, file)
    assert (value.cpu.num_cpus, value.cpu.num_reads, value.cpu.num_sweeps) == (1, 32, 7)
    assert value.peers == ("a:1",)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[global]\nauto_mine = 0\n", {"auto_mine": False}),
        ("[global]\nauto_mine = 1\n", {"auto_mine": True}),
        ("[global]\nauto_mine = true\n", {"auto_mine": True}),
        ("[global]\nauto_mine = false\n", {"auto_mine": False}),
        ('[global]\ndefault = "gpu"\n', {"kind": "gpu"}),
        ('[global]\nhost = "127.0.0.1"\n', {"listen": "127.0.0.1"}),
        ('[global]\nlisten = "::1"\n', {"listen": "::1"}),
        ('[global]\npeer = ["a", "b:2"]\n', {"peers": ("a:20049", "b:2")}),
        ('[global]\npublic_host = "me"\nport = 7\n', {"public": "me:7"}),
        ('[global]\npublic_host = "me:9"\n', {"public": "me:9"}),
        ('[global]\npublic_host = "me"\npublic_port = 8\n', {"public": "me:8"}),
        ('[global]\nlog_level = "debug"\n', {"log_level": "DEBUG"}),
        ('[global]\ndata_dir = "/tmp/x"\n', {"data_dir": Path("/tmp/x")}),
        ('[global]\nnode_name = "n"\nnode_log = "n.log"\n', {"node_name": "n", "node_log": Path("n.log")}),
        (
            '[global]\nrpc_port = 1\nrpc_listen = "0.0.0.0"\nrpc_hosts = "quip.lan"\nrpc_cors = "https://A.example"\n'
            'rpc_token_file = "token"\n',
            {
                "rpc": node_config.RpcConfig(
                    1, 100, 5 << 20, None, "0.0.0.0", ("quip.lan",), ("https://a.example",), Path("token")
                )
            },
        ),
        (
            '[global]\nmetrics_port = 2\nmetrics_listen = "[::]"\nmetrics_hosts = ["a", "b"]\n',
            {"metrics": node_config.MetricsConfig(2, "::", ("a", "b"))},
        ),
        ('[miners]\ncpu = 2\ngpu = ["0"]\n', {"miners": node_config.MinerCounts(2, ("0",), ())}),
        (
            '[gpu]\ndevices = [0, "1"]\ntypes = "t4"\nbackend = "modal"\n',
            {"gpu": node_config.GpuConfig("modal", ("0", "1"), ("t4",))},
        ),
        ('[cpu]\nnum_reads = "auto"\nnum_cpus = 1\n', {"cpu": node_config.CpuConfig(1, None, None)}),
        (
            '[global]\ntls_cert_file = "c"\ntls_key_file = "k"\nrequire_client_ca = "ca"\nheartbeat_interval = 2\n',
            {"network": node_config.NetworkConfig(Path("c"), Path("k"), Path("ca"), 2.0, 60.0)},
        ),
        (
            '[qpu]\ndwave_api_solver = "s"\ndwave_region_url = "u"\ndaily_budget = "2m/d"\n',
            {"qpu": node_config.QpuConfig(None, ("s",), "u", 120.0)},
        ),
    ],
)
def test_keys_of_the_file(text: str, wanted: dict[str, Any]) -> None:
    value = node_config.load({}, written(text))
    assert {key: getattr(value, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[global]\nprot = 1\n", "unknown key 'prot' in [global]", "'port'"),
        ("[gobal]\nport = 1\n", "[gobal]", "[global]"),
        ("port = 1\n", "[port]", "[global]"),
        ("[cpu]\nport = 1\n", "'port' in [cpu]", "[global]"),
        ("[cpu]\nnumcpu = 1\n", "'numcpu'", "'num_cpus' in [cpu]"),
        ("global = 3\n", "must be a table", "[global]"),
        ("[global\n", "not valid TOML", "example"),
        ("[global]\nport = 70000\n", "port = 70000", "check-config"),
        ("[global]\nauto_mine = 2\n", "auto_mine", "check-config"),
        ('[global]\nlog_level = "loud"\n', "log_level", "check-config"),
        ('[global]\ndefault = "tpu"\n', "default", "check-config"),
        ('[global]\npeer = "a:b"\n', "'a:b' is no address", "host:port"),
        ('[global]\nhost = "a"\nlisten = "b"\n', "differ", "keep one"),
        ('[global]\npublic_host = "a:1"\npublic_port = 2\n', "port 1", "one place"),
        ('[global]\ntls_cert_file = "a"\n', "belong together", "both"),
        ("[global]\nheartbeat_interval = 60\n", "heartbeat_timeout", "60 and 15"),
        ('[global]\nrpc_cors = "example.org"\n', "is not an origin", "check-config"),
        ('[global]\nrpc_cors = "https://a.example/page"\n', "is not an origin", "check-config"),
        ('[global]\nrpc_listen = ""\n', "not an address", "check-config"),
        ('[global]\nmetrics_listen = "http://x"\n', "not an address", "check-config"),
        ("[cpu]\nnum_cpus = 0\n", "num_cpus = 0", "check-config"),
        ('[qpu]\ndaily_budget = "40s"\n', "budget", "check-config"),
    ],
)
def test_mistakes_are_named_and_hinted(text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        node_config.load({}, written(text))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_missing_file_is_an_error_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"no configuration file nowhere\.toml"):
        node_config.load({}, Path("nowhere.toml"))


def test_secrets_are_masked_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DWAVE_API_KEY", "DEV-secret")
    settings = node_config.merged({}, None)
    value = node_config.freeze(settings)
    assert value.qpu.api_key == "DEV-secret"
    assert "DEV-secret" not in node_config.as_toml(settings) + repr(settings) + repr(value)
    monkeypatch.delenv("DWAVE_API_KEY")
    with pytest.raises(ConfigError) as caught:
        node_config.load({}, written('[qpu]\ndwave_api_key = ["DEV-secret"]\n'), None)
    assert "DEV-secret" not in caught.value.message + caught.value.hint


def test_what_check_config_prints_is_a_configuration_file() -> None:
    settings = node_config.merged({"global": {"port": 5, "peer": ["a:1"], "node_name": 'x"y\\'}}, None)
    again = node_config.merged({}, written(node_config.as_toml(settings)))
    assert node_config.freeze(again) == node_config.freeze(settings)


@pytest.mark.parametrize(
    ("port", "rpc_port", "wanted"),
    [(20049, None, 8545), (20148, None, 8644), (20149, None, None), (8080, None, None), (20049, 9000, 9000), (1, 0, 0)],
)
def test_rpc_port_rule(port: int, rpc_port: int | None, wanted: int | None) -> None:
    flags = {"global": {"port": port, **({} if rpc_port is None else {"rpc_port": rpc_port})}}
    assert node_config.rpc_port_for(node_config.load(flags, None)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("h", ("h", None)),
        ("h:1", ("h", 1)),
        ("[::1]:2", ("[::1]", 2)),
        ("::1", ("::1", None)),
        ("1.2.3.4:5", ("1.2.3.4", 5)),
    ],
)
def test_addresses(text: str, wanted: tuple[str, int | None]) -> None:
    assert node_config.split_address(text, "peer") == wanted


@pytest.mark.parametrize("text", ["", ":1", "h:0", "h:65536", "h:x", "h:١"])
def test_addresses_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        node_config.split_address(text, "peer")


def test_num_cpus_is_capped_by_the_machine() -> None:
    assert node_config.load({"cpu": {"num_cpus": 10_000}}, None).cpu.num_cpus == node_config.logical_cpus()


def test_data_directories_of_two_nodes_never_meet() -> None:
    first, second = data_dir.default_data_dir("dev", 20049), data_dir.default_data_dir("dev", 20050)
    assert first != second
    assert first == Path(os.environ["HOME"]) / ".quip" / "dev" / "20049"


def test_the_example_file_loads_and_names_every_key() -> None:
    value = node_config.load({}, EXAMPLE)
    assert value.port == 20049
    text = EXAMPLE.read_text()
    missing = [
        f"{section}.{key}"
        for section, model in SECTIONS.items()
        for key in model.model_fields
        if f"{key} = " not in text
    ]
    assert missing == []
