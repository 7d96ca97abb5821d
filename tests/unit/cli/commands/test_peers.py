"""quip peers: what is shown, what is changed in trust.db, and what is refused with a way out."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from quip.cli import node_access, quip
from quip.net.address import Address
from quip.net.peers.trust_db import TrustEditor
from quip.net.ports import Ban
from quip.node.errors import NodeError
from support.rpc_stub import answering

NODE = "ab" * 32
HERE = Address("192.0.2.1", 20049)
LIVE = {
    "address": "192.0.2.9:20049", "nodeId": "0x" + NODE, "direction": "outbound", "agent": "quip/0.1.0",
    "head": {"hash": "0x" + "11" * 32, "number": "0x4d2", "totalDifficulty": "0x1"},
    "connectedSince": int(time.time()) - 7300, "lastHeartbeatAge": 3.2, "bytesIn": 2_500_000, "bytesOut": 999,
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_access, "running_nodes", list)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def trust(data_dir: Path) -> Iterator[TrustEditor]:
    """The database as the running node has it open."""
    db = TrustEditor(data_dir / "trust.db")
    yield db
    db.close()


@pytest.fixture
def rpc() -> Iterator[str]:
    """A node's RPC that answers quip_getPeers."""
    with answering({"quip_getPeers": [LIVE]}) as url:
        yield url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(quip.app, ["peers", *arguments], env={"COLUMNS": "80"})


def done(data_dir: Path, *arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json", "--data-dir", str(data_dir))
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def refused(data_dir: Path, *arguments: str) -> NodeError:
    result = run(*arguments, "--data-dir", str(data_dir))
    assert isinstance(result.exception, NodeError), result.output
    assert result.exception.hint
    return result.exception


def test_manual_peers_are_added_and_removed(data_dir: Path, trust: TrustEditor) -> None:
    trust.changed()
    assert done(data_dir, "add", "seed.example") == {"peer": "seed.example:20049", "added": True}
    assert trust.changed()  # the running node hears of it
    assert trust.manual() == ["seed.example:20049"]
    assert done(data_dir, "add", "seed.example:20049")["added"] is False
    done(data_dir, "add", "[2001:db8::1]:7")
    assert trust.manual() == ["[2001:db8::1]:7", "seed.example:20049"]
    done(data_dir, "add", "2001:db8::2")
    assert "[2001:db8::2]:20049" in trust.manual()  # in the form that the node can read back
    done(data_dir, "remove", "2001:db8::2")
    done(data_dir, "remove", "seed.example")
    assert trust.manual() == ["[2001:db8::1]:7"]
    assert "was not added" in refused(data_dir, "remove", "seed.example").message


@pytest.mark.parametrize(
    ("whom", "subject"),
    [
        (NODE, f"node:{NODE}"),
        ("0x" + NODE.upper(), f"node:{NODE}"),
        (f"node:{NODE}", f"node:{NODE}"),
        ("8.8.4.4", "net:4:8.8"),
        ("8.8.4.4:20049", "net:4:8.8"),
        ("[2a00:1450::1]:20049", "net:6:2a00:1450"),
        ("2a00:1450::1", "net:6:2a00:1450"),
        ("net:4:8.8", "net:4:8.8"),
        ("net:6:2a00:1450", "net:6:2a00:1450"),
    ],
)
def test_bans_come_and_go(data_dir: Path, trust: TrustEditor, whom: str, subject: str) -> None:
    found = done(data_dir, "ban", whom, "--for", "2h", "--reason", "spam")
    assert found["subject"] == subject
    [ban] = trust.bans()
    assert ban == Ban(subject, found["until"], "spam", 1)
    assert abs(ban.until_unix_s - time.time() - 7200) < 60
    assert done(data_dir, "unban", whom) == {"subject": subject, "lifted": True}
    assert trust.bans() == []
    assert "is not banned" in refused(data_dir, "unban", whom).message


def test_the_first_digits_of_a_node_id_are_enough(data_dir: Path, trust: TrustEditor) -> None:
    trust.pin(HERE, bytes.fromhex(NODE))
    assert done(data_dir, "ban", NODE[:16])["subject"] == f"node:{NODE}"
    trust.pin(Address("192.0.2.2", 1), bytes.fromhex(NODE[:20] + "cd" * 22))
    assert "2 known node ids begin with" in refused(data_dir, "ban", NODE[:16]).message
    assert "no known node ids begin with" in refused(data_dir, "ban", "12" * 8).message
    done(data_dir, "unban", NODE[:30])
    assert trust.bans() == []


def test_a_ban_keeps_the_count_of_offences(data_dir: Path, trust: TrustEditor) -> None:
    trust.save_ban(Ban(f"node:{NODE}", int(time.time()) + 60, "lied", 3))
    done(data_dir, "ban", NODE, "--for", "100000d")
    assert [ban.offences for ban in trust.bans()] == [3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ban", "127.0.0.1"), "private address"),
        (("ban", "192.168.1.7"), "private address"),
        (("ban", "net:private"), "neither a node id nor an IP"),
        (("ban", "net:4:999.999"), "neither a node id nor an IP"),
        (("ban", "net:4:127.0"), "private address"),
        (("ban", "seed.example"), "neither a node id nor an IP"),
        (("ban", "zz" * 32), "is no node id"),
        (("ban", NODE, "--for", "soon"), "no length of time"),
        (("ban", NODE, "--for", ""), "no length of time"),
        (("add", "host:0"), "is no address"),
        (("add", "seed..example"), "is no address"),
        (("add", "x y"), "is no address"),
        (("add", "[b]evil[/b].example:1"), "is no address"),
        (("add", "l" * 64 + ".example"), "is no address"),
        (("trust", "a..b:1"), "is no address"),
        (("trust", "192.0.2.1:20049"), "no key is known"),
        (("trust", "192.0.2.1:20049", "--node-id", "12"), "is no node id"),
    ],
)
def test_what_makes_no_sense_is_refused(data_dir: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(data_dir, *arguments).message


def test_a_changed_key_is_accepted(data_dir: Path, trust: TrustEditor) -> None:
    trust.pin(HERE, bytes.fromhex(NODE))
    assert done(data_dir, "trust", "192.0.2.1:20049") == {"addresses": ["192.0.2.1:20049"], "nodeId": None}
    assert trust.pin_of(HERE) is None
    other = "cd" * 32
    found = done(data_dir, "trust", "::ffff:192.0.2.1", "--node-id", other)
    assert found == {"addresses": ["192.0.2.1:20049"], "nodeId": "0x" + other}
    assert trust.pin_of(HERE) == bytes.fromhex(other)


def test_a_name_means_its_addresses(data_dir: Path, trust: TrustEditor) -> None:
    trust.pin(Address("127.0.0.1", 20049), bytes.fromhex(NODE))
    assert done(data_dir, "trust", "localhost")["addresses"] == ["127.0.0.1:20049"]
    assert trust.pins() == []


def test_the_list_of_a_stopped_node(data_dir: Path, trust: TrustEditor) -> None:
    trust.pin(HERE, bytes.fromhex(NODE))
    trust.add_manual("seed.example:20049")
    trust.save_ban(Ban("net:4:8.8", int(time.time()) + 60, "spam", 1))
    trust.save_ban(Ban("net:4:9.9", int(time.time()) - 60, "over", 1))
    found = done(data_dir, "list")
    assert (found["running"], found["peers"], found["manual"]) == (False, [], ["seed.example:20049"])
    assert [ban["subject"] for ban in found["bans"]] == ["net:4:8.8"]
    assert [(pin["address"], pin["nodeId"]) for pin in found["pins"]] == [("192.0.2.1:20049", "0x" + NODE)]
    shown = run("--data-dir", str(data_dir)).output
    assert f"the node of {data_dir} does not run" in shown
    assert all(word in shown for word in ("seed.example:20049", "net:4:8.8", "192.0.2.1:20049", NODE))


def test_the_list_of_a_running_node(rpc: str) -> None:
    result = run("list", "--rpc", rpc, "--json")
    assert json.loads(result.output)["peers"] == [LIVE]
    shown = run("--rpc", rpc).output
    assert all(word in shown for word in ("192.0.2.9:20049", "outbound", "#1,234", "2 h", "3 s", "2.5 MB", "999 B"))


def test_a_data_directory_that_is_not_there(tmp_path: Path) -> None:
    assert "no data directory" in refused(tmp_path / "nowhere", "add", "seed.example").message
    assert "no data directory" in refused(tmp_path / "nowhere", "list").message
