"""What would keep a node from starting is found before anything is made."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from quip.net.local_errors import LocalError
from quip.networks.shipped import NETWORKS, file_name
from quip.node import preflight, startup
from quip.node.config.data_dir import DataFiles
from quip.node.config.node_config import load
from quip.node.errors import ConfigError, DataDirError, ExposedFiles, NodeError
from quip.primitives.errors import OperatorError
from quip.wallet.errors import WalletError
from support.node_certificates import key_of, pem, signed
from support.places import ROOT

EXAMPLE = ROOT / "quip-node.example.toml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def check(**given: Any) -> None:
    preflight.check(load({"global": {"listen": "127.0.0.1", "genesis_config": "test", **given}}, None))


def tree() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def test_what_can_start_is_accepted_and_nothing_is_made() -> None:
    check(data_dir="new/data", node_log="logs/node.log", http_log="/dev/null")
    assert tree() == []


def test_the_default_directory_will_do() -> None:
    check()
    assert tree() == []


def _link(target: str) -> Callable[[], None]:
    return lambda: Path("data").symlink_to(target)


@pytest.mark.parametrize(
    ("make", "data_dir", "words"),
    [
        (lambda: Path("data").touch(), "data", "the data directory data is a file"),
        (lambda: Path("file").touch(), "file/data", "cannot make the data directory file/data: file is a file"),
        (_link("gone"), "data", "data is a symbolic link to gone, which does not exist"),
        (_link("gone"), "data/deeper", "data is a symbolic link to nothing: cannot make data/deeper"),
        (_link("data"), "data", "data"),
        (lambda: None, "/" + "x/" * 248 + "x", "path is 498 bytes long"),
    ],
    ids=["file", "below-file", "dangling", "below-dangling", "loop", "long"],
)
def test_directories_that_cannot_be_used(make: Callable[[], None], data_dir: str, words: str) -> None:
    make()
    before = tree()
    with pytest.raises(DataDirError) as caught:
        check(data_dir=data_dir)
    assert words in caught.value.message
    assert tree() == before


def test_a_directory_may_be_as_long_as_its_database(tmp_path: Path) -> None:
    """The bound is SQLite's: what it admits opens, and one byte more does not."""
    import sqlite3

    place = tmp_path / ("x" * 200)
    longest = place / ("y" * (preflight.MAX_DATA_DIR_BYTES - len(os.fsencode(place)) - 1))
    for directory, opens in ((longest, True), (longest.with_name(longest.name + "y"), False)):
        directory.mkdir(parents=True)
        check_raised = False
        try:
            check(data_dir=str(directory))
        except DataDirError:
            check_raised = True
        assert check_raised is not opens
        if opens:
            sqlite3.connect(directory / "trust.db").close()
        else:
            with pytest.raises(sqlite3.OperationalError):
                sqlite3.connect(directory / "trust.db").execute("create table t (x)")


def test_a_directory_of_another_chain(tmp_path: Path) -> None:
    files = DataFiles(tmp_path / "data")
    files.root.mkdir()
    files.spec.write_bytes(startup.load_rules("dev").text)
    check(data_dir="data")  # no store: nothing to lose
    files.store.touch()
    with pytest.raises(DataDirError, match="holds chain id 20050, the chain spec says") as caught:
        check(data_dir="data")
    assert "leave --genesis-config out" in caught.value.hint
    preflight.check(load({"global": {"listen": "127.0.0.1", "data_dir": "data"}}, None))


def _written(name: str, content: bytes, mode: int = 0o600) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content)
    Path(name).chmod(mode)
    return name


def _pair(mode: int = 0o600) -> dict[str, str]:
    one = signed("node", key_of("ed25519"))
    key = one.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"tls_cert_file": _written("crt", pem(one)), "tls_key_file": _written("key", key, mode)}


def test_files_that_are_right_are_accepted() -> None:
    given = _pair()
    check(**given, require_client_ca=given["tls_cert_file"], rpc_token_file=_written("token", b"a" * 32 + b"\n"))


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"genesis_config": "local", "auto_mine": True}, ConfigError, "local is a developer's chain"),
        ({"genesis_config": "nowhere"}, ConfigError, "'nowhere' is neither a file nor one of public, dev, test, local"),
        (
            {"tls_cert_file": "crt", "tls_key_file": "key"},
            LocalError,
            "tls_cert_file: cannot read crt: No such file or directory",
        ),
        ({"require_client_ca": "ca"}, LocalError, "require_client_ca: cannot read ca: No such file or directory"),
        ({"listen": "192.0.2.1"}, LocalError, "192.0.2.1"),
        ({"listen": "no-such-host.invalid"}, ConfigError, "no-such-host.invalid"),
        ({"rpc_listen": "192.0.2.1"}, ConfigError, "rpc_listen = '192.0.2.1' is no address of this machine"),
        ({"metrics_port": 0, "metrics_listen": "192.0.2.1"}, ConfigError, "metrics_listen = '192.0.2.1'"),
        ({"node_log": "/dev/null/node.log"}, ConfigError, "node_log: cannot write /dev/null/node.log"),
        ({"http_log": "."}, ConfigError, "http_log: . is no ordinary file"),
        ({"data_dir": "d", "records_dir": "d/identity/records"}, ConfigError, "records_dir"),
        ({"rpc_token_file": "token"}, ConfigError, "there is no rpc_token_file token"),
    ],
)
def test_what_the_start_could_not_open(given: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)):
        check(**given)
    assert tree() == []


def test_keys_that_others_can_read() -> None:
    with pytest.raises(LocalError, match="tls_key_file: key has mode 0644: others can reach") as caught:
        check(**_pair(0o644))
    assert caught.value.code == "key-exposed"  # for programs it is what it was


def test_more_certificates_than_are_sent_are_named_with_their_key() -> None:
    given = _pair()
    Path("crt").write_bytes(Path("crt").read_bytes() * 6)
    with pytest.raises(LocalError, match="tls_cert_file: crt holds 6 certificates"):
        check(**given)


def test_secrets_of_the_data_directory_that_others_can_read_are_all_named() -> None:
    secrets = [_written("data/node.key", b"x", 0o640), _written("data/wallet/mnemonic", b"x", 0o604)]
    with pytest.raises(ExposedFiles) as caught:
        check(data_dir="data")
    assert all(name in caught.value.hint for name in secrets)


def test_all_exposed_files_are_named_at_once() -> None:
    for name in ("wallet/mnemonic", "identity/mnemonic"):
        _written(f"data/{name}", b"x", 0o644)
    with pytest.raises(DataDirError) as caught:
        check(data_dir="data")
    assert all(f"data/{name}" in caught.value.hint for name in ("wallet/mnemonic", "identity/mnemonic"))


def test_an_empty_token_is_none() -> None:
    with pytest.raises(ConfigError, match="token does not hold one word"):
        check(rpc_token_file=_written("token", b"\n"))


@pytest.mark.parametrize("name", ["wallet/mnemonic", "identity/mnemonic"])
def test_damaged_words_are_named_with_their_file(name: str) -> None:
    words = b"\xef\xbb\xbfabandon abandon zzz " + b"abandon " * 9
    _written(f"data/{name}", words)
    with pytest.raises(WalletError, match=f"no mnemonic is in .*data/{name}: .*word 3") as caught:
        check(data_dir="data")
    assert f"move the directory data/{Path(name).parent} away" in caught.value.hint


def _commented() -> list[str]:
    return [line for line in EXAMPLE.read_text().splitlines() if re.match(r"# \w+ = ", line)]


def test_there_are_commented_lines() -> None:
    assert len(_commented()) > 15


REFUSED_ALONE = ("mine_on_demand", "payout", "tls_cert_file", "tls_key_file", "require_client_ca", "rpc_token_file")


@pytest.mark.parametrize("line", _commented())
def test_each_commented_line_of_the_example_is_right_or_clearly_refused(line: str) -> None:
    """Never silently wrong: an operator takes the "#" away and starts."""
    text = EXAMPLE.read_text().replace(line, line.removeprefix("# "), 1)
    file = _written("node.toml", text.encode())
    try:
        preflight.check(load({}, Path(file)))
    except (OperatorError, NodeError, LocalError) as error:
        key = line.split()[1]
        assert any(words in error.message for words in (key, "ca.crt"))
        assert error.hint
        assert key in (
            "mine_on_demand",
            "payout",
            "tls_cert_file",
            "tls_key_file",
            "require_client_ca",
            "rpc_token_file",
        )


def test_the_example_pays_nobody_else() -> None:
    (line,) = [line for line in _commented() if "payout" in line]
    assert not re.search(r"0x[0-9a-fA-F]{40}", line)


def test_networks_are_known_by_their_files_too() -> None:
    for network in NETWORKS:
        check(genesis_config=file_name(network))
