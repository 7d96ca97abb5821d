"""Configuration: precedence, every key, and the errors that name what was meant."""

import os
from pathlib import Path
from typing import Any

import pytest

from quip.node.config import data_dir, node_config
from quip.node.config.cpus import logical_cpus
from quip.node.config.merging import merged
from quip.node.config.settings import PATHS, SECTIONS, environment_name
from quip.node.config.toml_file import as_toml
from quip.node.errors import ConfigError
from support.places import ROOT

EXAMPLE = ROOT / "quip-node.example.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
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
        ("[global\n", "not valid TOML", "show the form"),
        ("[global]\nport = 70000\n", "port = 70000", "check-config"),
        ("[global]\nauto_mine = 2\n", "auto_mine", "check-config"),
        ('[global]\nlog_level = "loud"\n', "log_level", "check-config"),
        ('[global]\ndefault = "tpu"\n', "default", "check-config"),
        ('[global]\npeer = "a:b"\n', "'a:b' is no address: write host:port", "check-config"),
        ('[global]\nhost = "a"\nlisten = "b"\n', "differ", "keep one"),
        ('[global]\npublic_host = "a:1"\npublic_port = 2\n', "port 1", "one place"),
        ('[global]\npeer = "::1:21292"\n', "[::1]:21292", "check-config"),
        ('[global]\ntls_cert_file = "a"\n', "belong together", "both"),
        ('[global]\ndata_dir = ""\n', "data_dir = '': must not be empty", "check-config"),
        ("[global]\ndata_dir = 3\n", "data_dir = 3: must be a path", "check-config"),
        ('[global]\ngenesis_config = ""\n', "genesis_config = '': must not be empty", "check-config"),
        ('[global]\npayout = "0x123"\n', "'0x123' is not an address", "check-config"),
        (f'[global]\npayout = "0x{"0" * 40}"\n', "is the zero address: nobody has its key", "check-config"),
        ('[global]\nlisten = "1.2.3"\n', "is no address", "check-config"),
        ("[global]\nheartbeat_interval = 60\n", "heartbeat_timeout", "60 and 15"),
        ('[global]\nrpc_cors = "example.org"\n', "is not an origin", "check-config"),
        ('[global]\nrpc_cors = "https://a.example/page"\n', "is not an origin", "check-config"),
        ('[global]\nrpc_listen = ""\n', "is no address", "check-config"),
        ('[global]\nmetrics_listen = "http://x"\n', "is no address", "check-config"),
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
    settings = merged({}, None)
    value = node_config.freeze(settings)
    assert value.qpu.api_key == "DEV-secret"
    assert "DEV-secret" not in as_toml(settings) + repr(settings) + repr(value)
    monkeypatch.delenv("DWAVE_API_KEY")
    with pytest.raises(ConfigError) as caught:
        node_config.load({}, written('[qpu]\ndwave_api_key = ["DEV-secret"]\n'), None)
    assert "DEV-secret" not in caught.value.message + caught.value.hint


def test_what_check_config_prints_is_a_configuration_file() -> None:
    settings = merged({"global": {"port": 5, "peer": ["a:1"], "node_name": 'x"y\\'}}, None)
    again = merged({}, written(as_toml(settings)))
    assert node_config.freeze(again) == node_config.freeze(settings)


@pytest.mark.parametrize(
    ("port", "rpc_port", "wanted"),
    [(20049, None, 8545), (20148, None, 8644), (20149, None, None), (8080, None, None), (20049, 9000, 9000), (1, 0, 0)],
)
def test_rpc_port_rule(port: int, rpc_port: int | None, wanted: int | None) -> None:
    flags = {"global": {"port": port, **({} if rpc_port is None else {"rpc_port": rpc_port})}}
    assert node_config.rpc_port_for(node_config.load(flags, None)) == wanted


def test_addresses_of_other_places_are_named() -> None:
    assert node_config.split_address("[::1]:2", "peer") == ("[::1]", 2)
    with pytest.raises(ConfigError, match=r"^whom: 'a:b' is no address"):
        node_config.split_address("a:b", "whom")


def test_an_ipv6_peer_gets_its_brackets() -> None:
    assert node_config.load({"global": {"peer": ["::1", "[::1]:7"]}}, None).peers == ("[::1]:20049", "[::1]:7")


@pytest.mark.parametrize(
    ("flags", "environ", "text", "wanted"),
    [
        ({"global": {"port": "abc"}}, {}, "", "--port abc: must be a whole number"),
        ({"global": {"data_dir": ""}}, {}, "", '--data-dir "": must not be empty (an unset variable?)'),
        ({"gpu": {"backend": "x"}}, {}, "", "--gpu-backend x: must be one of 'local', 'mps' or 'modal'"),
        ({}, {"QUIP_PORT": "abc"}, "", "QUIP_PORT=abc: must be a whole number"),
        ({"cpu": {"num_reads": "many"}}, {}, "", '--num-reads many: must be a whole number, or "auto"'),
        ({}, {"QUIP_CPU_NUM_SWEEPS": "0"}, "", "QUIP_CPU_NUM_SWEEPS=0: must be at least 1"),
        ({}, {"QUIP_HEARTBEAT_TIMEOUT": "0"}, "", "QUIP_HEARTBEAT_TIMEOUT=0: must be more than 0"),
        ({}, {}, "[global]\nport = 1.5\n", "config.toml: [global] port = 1.5: must be a whole number"),
        ({}, {}, "[global]\npeer = {}\n", "config.toml: [global] peer = {}: must be a text, or a list of them"),
        ({"global": {"host": "a"}}, {"QUIP_LISTEN": "b"}, "", "--host and QUIP_LISTEN differ"),
        (
            {"global": {"public_port": 2}},
            {},
            '[global]\npublic_host = "a:1"\n',
            "public_host in [global] of config.toml says port 1, --public-port 2",
        ),
    ],
)
def test_a_refused_value_is_named_as_it_was_given(
    flags: dict[str, dict[str, Any]], environ: dict[str, str], text: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        node_config.load(flags, written(text))
    assert caught.value.message == wanted


def test_a_value_of_the_env_file_is_named_with_its_line() -> None:
    Path(".env").write_text("A=1\nQUIP_PORT=70000\n")
    with pytest.raises(ConfigError, match=r"^QUIP_PORT=70000 \(in \.env, line 2\): must be at most 65535$"):
        node_config.load({}, None)


@pytest.mark.parametrize(
    ("section", "key"), [(section, key) for section, model in SECTIONS.items() for key in model.model_fields]
)
@pytest.mark.parametrize("value", [{}, [[]], [1.5], "\0", -1, 1.5, float("nan"), 1 << 70, "1" * 5000, True, object()])
def test_every_refusal_is_in_our_words(section: str, key: str, value: object) -> None:
    """A library's own words, or a KeyError for want of ours, must not reach an operator."""
    try:
        merged({section: {key: value}}, None, {})
    except ConfigError as error:
        assert "Input should" not in error.message
        assert "validation" not in error.message


@pytest.mark.parametrize("key", sorted(PATHS))
def test_every_path_knows_the_home_directory(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nest")
    for settings in (
        merged({"global": {key: "~/x"}}, None, {}),
        merged({}, None, {f"QUIP_{key.upper()}": "~/x"}),
        merged({}, written(f'[global]\n{key} = "~/x"\n'), {}),
    ):
        assert getattr(settings.global_, key) == Path("/nest/x")


def test_the_list_of_paths_is_whole() -> None:
    typed = {
        key
        for model in SECTIONS.values()
        for key, field in model.model_fields.items()
        if "Path" in str(field.annotation)
    }
    assert typed == PATHS


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[global]\nport = 7\n".encode("utf-16"), "config.toml is UTF-16, a TOML file is UTF-8"),
        (b"[global]\nport = 7\nnode_name = 'J\xfcrgen'\n", "config.toml, line 3: not UTF-8"),
    ],
)
def test_a_file_of_another_character_set_is_said_so(content: bytes, words: str) -> None:
    Path("config.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        node_config.load({}, Path("config.toml"))
    assert caught.value.message == words


def test_a_byte_order_mark_is_read_over() -> None:
    Path("config.toml").write_bytes(b"\xef\xbb\xbf[global]\nport = 7\n")
    assert node_config.load({}, Path("config.toml")).port == 7


def test_without_a_home_a_data_directory_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "")
    with pytest.raises(ConfigError, match="no home directory") as caught:
        data_dir.default_data_dir("dev", 1)
    assert "--data-dir" in caught.value.hint


def test_a_data_directory_knows_its_chain() -> None:
    made = Path("made")
    flags = {"global": {"data_dir": str(made)}}
    assert node_config.load(flags, None).genesis_config == "public"
    made.mkdir()
    (made / "chain_spec.json").write_text("{}")
    assert node_config.load(flags, None).genesis_config == "made/chain_spec.json"
    flags["global"]["genesis_config"] = "test"
    assert node_config.load(flags, None).genesis_config == "test"


def test_num_cpus_is_capped_by_the_machine() -> None:
    assert node_config.load({"cpu": {"num_cpus": 10_000}}, None).cpu.num_cpus == logical_cpus()


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
