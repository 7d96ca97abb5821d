"""What the network stands on is opened, or the operator is told why not."""

import socket
from pathlib import Path

import pytest

from quip.net.address import Address
from quip.net.local_errors import LocalError
from quip.node.config import node_config
from quip.node.config.data_dir import DataFiles
from quip.node.errors import ConfigError
from quip.node.network.opening import listening_host, open_transport, open_trust, public_address

HOST = "127.0.0.1"


def configured(tmp_path: Path, **keys: object) -> node_config.NodeConfig:
    return node_config.load({"global": {"data_dir": tmp_path, **keys}}, None)


def test_the_key_is_made_once(tmp_path: Path) -> None:
    files = DataFiles(tmp_path)
    first = open_transport(configured(tmp_path, heartbeat_timeout=61), "127.0.0.1", files)
    again = open_transport(configured(tmp_path), "::", files)
    assert first.identity.node_id == again.identity.node_id
    assert (first.host, again.host, first.idle_timeout_s) == ("127.0.0.1", "::", 61)
    assert (first.client_ca, first.port) == (None, 20049)


def test_the_operators_own_files(tmp_path: Path) -> None:
    made = open_transport(configured(tmp_path), HOST, DataFiles(tmp_path))
    given = configured(
        tmp_path, tls_cert_file=tmp_path / "node.crt", tls_key_file=tmp_path / "node.key",
        require_client_ca=tmp_path / "node.crt",
    )  # fmt: skip
    opened = open_transport(given, HOST, DataFiles(tmp_path / "elsewhere"))
    assert opened.identity.node_id == made.identity.node_id
    assert opened.client_ca == (tmp_path / "node.crt").read_bytes()


def test_a_missing_authority_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"nobody\.pem"):
        open_transport(configured(tmp_path, require_client_ca=tmp_path / "nobody.pem"), HOST, DataFiles(tmp_path))


def test_listening_on_a_name(tmp_path: Path) -> None:
    assert listening_host(configured(tmp_path, listen="localhost", port=0)) == "127.0.0.1"
    for listen in ("no.such.name.invalid", "bad host", "300.1.1.1"):
        with pytest.raises(ConfigError, match="no address"):
            listening_host(configured(tmp_path, listen=listen, port=0))


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        with pytest.raises(LocalError, match=f"UDP port {port} is in use"):
            listening_host(configured(tmp_path, listen=HOST, port=port))
    assert listening_host(configured(tmp_path, listen=HOST, port=port)) == HOST


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ({}, Address("0.0.0.0", 20049)),
        ({"public_host": "192.0.2.7"}, Address("192.0.2.7", 20049)),
        ({"public_host": "192.0.2.7:9"}, Address("192.0.2.7", 9)),
        ({"public_host": "localhost:9"}, Address("127.0.0.1", 9)),
        ({"public_host": "no.such.name.invalid:9"}, Address("0.0.0.0", 9)),
    ],
)
def test_where_others_dial(keys: dict[str, str], wanted: Address, tmp_path: Path) -> None:
    assert public_address(configured(tmp_path, **keys)) == wanted


def test_peers_are_remembered(tmp_path: Path) -> None:
    trust = open_trust(tmp_path / "trust.db")
    trust.pin(Address("127.0.0.1", 1), b"\1" * 32)
    trust.close()
    again = open_trust(tmp_path / "trust.db")
    assert again.pin_of(Address("127.0.0.1", 1)) == b"\1" * 32
    again.close()
