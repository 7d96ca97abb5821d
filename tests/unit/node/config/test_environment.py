"""Variables and .env: which ones are read, and how what is wrong with them is named."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from quip.node.config.environment import read_environment
from quip.node.config.merging import merged
from quip.node.errors import ConfigError

KUBERNETES = {
    "QUIP_PORT": "tcp://10.0.0.7:20049",
    "QUIP_PORT_20049_UDP": "udp://10.0.0.7:20049",
    "QUIP_PORT_8545_TCP": "tcp://10.0.0.7:8545",
    "QUIP_PORT_8545_TCP_ADDR": "10.0.0.7",
    "QUIP_PORT_8545_TCP_PORT": "8545",
    "QUIP_PORT_8545_TCP_PROTO": "tcp",
    "QUIP_SERVICE_HOST": "10.0.0.7",
    "QUIP_SERVICE_PORT": "20049",
    "QUIP_SERVICE_PORT_RPC": "8545",
    "QUIP_RPC_PORT": "tcp://10.0.0.8:8545",
    "QUIP_NODE_1_SERVICE_HOST": "10.0.0.9",
    "QUIP_NODE_1_PORT": "udp://10.0.0.9:20049",
    "KUBERNETES_PORT": "tcp://10.0.0.1:443",
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def texts(environ: Mapping[str, str], dotenv: bytes | None = None) -> dict[tuple[str, str], str]:
    if dotenv is not None:
        Path(".env").write_bytes(dotenv)
    return {place: variable.text for place, variable in read_environment(environ, Path(".env")).values.items()}


def test_variables_set_keys_and_empty_ones_do_not() -> None:
    environ = {"QUIP_PORT": "3", "QUIP_CPU_NUM_CPUS": "2", "QUIP_NODE_NAME": "", "DWAVE_API_KEY": "k", "PORT": "9"}
    assert texts(environ) == {("global", "port"): "3", ("cpu", "num_cpus"): "2", ("qpu", "dwave_api_key"): "k"}


def test_an_empty_path_is_refused_and_not_taken_for_absent() -> None:
    with pytest.raises(ConfigError, match=r"^QUIP_DATA_DIR=: must not be empty"):
        merged({}, None, {"QUIP_DATA_DIR": ""})


@pytest.mark.parametrize(
    ("environ", "key"),
    [
        ({"DWAVE_API_TOKEN": "t"}, "t"),
        ({"DWAVE_API_TOKEN": "t", "DWAVE_API_KEY": ""}, "t"),
        ({"DWAVE_API_TOKEN": "t", "DWAVE_API_KEY": "k"}, "k"),
        ({"DWAVE_PROFILE": "p"}, None),
    ],
)
def test_d_waves_own_name_for_the_key(environ: dict[str, str], key: str | None) -> None:
    assert texts(environ).get(("qpu", "dwave_api_key")) == key


def test_what_kubernetes_sets_for_a_service_is_ignored_with_one_line() -> None:
    found = read_environment({**KUBERNETES, "QUIP_METRICS_PORT": "9100"}, Path(".env"))
    assert [variable.source for variable in found.values.values()] == ["QUIP_METRICS_PORT"]
    (notice,) = found.notices
    assert all(name in notice for name in KUBERNETES if name.startswith("QUIP_"))


def test_a_service_does_not_hide_what_the_env_file_says() -> None:
    assert texts(KUBERNETES, b"QUIP_PORT=7\n") == {("global", "port"): "7"}


@pytest.mark.parametrize(("name", "near"), [("QUIP_PROT", "QUIP_PORT"), ("QUIP_NUM_CPUS", "QUIP_CPU_NUM_CPUS")])
def test_an_unknown_variable_is_an_error_that_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"variable {name} is unknown") as caught:
        read_environment({name: "5"}, Path(".env"))
    assert f"did you mean {near}?" in caught.value.hint
    with pytest.raises(ConfigError, match=rf"variable {name} in \.env, line 2 is unknown"):
        texts({}, b"A=1\n%s=5\n" % name.encode())


def test_a_foreign_env_file_is_read_over() -> None:
    foreign = 'NAME=J\xfcrgen\nX = {not: dotenv}\nLONG="a\nb"\n\n'.encode("latin-1")
    assert texts({}, foreign + b"export QUIP_PORT='3'\nexport DWAVE_API_KEY=k # mine\n") == {
        ("global", "port"): "3",
        ("qpu", "dwave_api_key"): "k",
    }


def test_our_line_in_another_character_set_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\.env, line 3: QUIP_NODE_NAME is not UTF-8"):
        texts({}, b"\nA=1\nQUIP_NODE_NAME=J\xfcrgen\n")


def test_our_line_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\.env, line 2: cannot be read as NAME=value"):
        texts({}, b"A=1\nQUIP_NODE_NAME='x\n")


def test_a_byte_order_mark_is_read_over() -> None:
    assert texts({}, b"\xef\xbb\xbfQUIP_PORT=3\n") == {("global", "port"): "3"}


def test_an_env_file_may_refer_to_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE", "/srv")
    assert texts({}, b"QUIP_DATA_DIR=${BASE}/quip\n") == {("global", "data_dir"): "/srv/quip"}


@pytest.mark.parametrize("content", ["QUIP_PORT=3\n".encode("utf-16"), None], ids=["utf-16", "unreadable"])
def test_what_cannot_be_read_is_said_and_ignored(content: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if content is None:

        def refused(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", refused)
    else:
        Path(".env").write_bytes(content)
    found = read_environment({}, Path(".env"))
    assert found.values == {}
    assert found.notices[0].startswith("ignored .env, which ")


def test_a_directory_of_that_name_is_said_and_ignored() -> None:
    Path(".env").mkdir()
    found = read_environment({}, Path(".env"))
    assert (found.values, found.notices) == ({}, ["ignored .env, which is a directory"])


def test_no_such_file_is_nothing_to_speak_of() -> None:
    assert read_environment({}, Path(".env")).notices == []
