"""trust.db: what survives a restart, two processes at once, and a file that is not what it should be."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quip.net import limits
from quip.net.address import Address
from quip.net.local_errors import PeersFileError
from quip.net.peers import trust_db
from quip.net.peers.trust_db import Pin, TrustDb, TrustEditor
from quip.net.ports import Ban, KnownAddress

HERE, THERE = Address("192.0.2.1", 20049), Address("2001:db8::1", 20050)
ALICE, BOB = b"a" * 32, b"b" * 32
SOON = int(time.time()) + 600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trust.db"


def row(address: Address, source: str = "4:192.0") -> KnownAddress:
    return KnownAddress(address, source, True, 1, 2, 3, 4)


def test_everything_survives_a_restart(path: Path) -> None:
    db = TrustEditor(path)
    db.pin(HERE, ALICE)
    db.save_ban(Ban("node:" + "11" * 32, SOON, "lied", 2))
    db.save_addresses([row(THERE), row(HERE)], [THERE, HERE])
    assert db.add_manual("seed.example:20049")
    db.close()
    again = TrustEditor(path)
    assert again.pin_of(HERE) == ALICE
    assert again.pin_of(THERE) is None
    assert again.bans() == [Ban("node:" + "11" * 32, SOON, "lied", 2)]
    assert again.manual() == ["seed.example:20049"]
    assert again.addresses() == [row(HERE), row(THERE)]
    assert again.anchors() == [THERE, HERE]
    again.close()


def test_saving_the_address_book_replaces_it(path: Path) -> None:
    db = TrustDb(path)
    db.save_addresses([row(HERE), row(HERE, "other")], [HERE])
    db.save_addresses([row(THERE)], [])
    assert (db.addresses(), db.anchors()) == ([row(THERE)], [])
    db.close()


def test_the_operator_accepts_a_changed_key(path: Path) -> None:
    db = TrustEditor(path)
    assert not db.trust(HERE, None)
    db.pin(HERE, ALICE)
    assert db.trust(HERE, None)
    assert db.pin_of(HERE) is None
    assert not db.trust(HERE, BOB)
    assert db.pin_of(HERE) == BOB
    [pin] = db.pins()
    assert pin == Pin(HERE, BOB, pin.first_seen_unix_s)
    assert abs(pin.first_seen_unix_s - time.time()) < 60
    db.close()


def test_bans_are_replaced_lifted_and_forgiven(path: Path) -> None:
    db = TrustEditor(path)
    db.save_ban(Ban("net:4:1.2", SOON, "first", 1))
    db.save_ban(Ban("net:4:1.2", SOON + 1, "second", 2))
    db.save_ban(Ban("net:4:3.4", int(time.time()) - limits.FORGIVEN_AFTER_S - 5, "long ago", 1))
    assert db.bans() == [Ban("net:4:1.2", SOON + 1, "second", 2)]
    assert db.unban("net:4:1.2")
    assert not db.unban("net:4:1.2")
    assert db.bans() == []
    db.close()


def test_manual_peers_are_a_set(path: Path) -> None:
    db = TrustEditor(path)
    assert db.add_manual("a:1")
    assert not db.add_manual("a:1")
    assert db.remove_manual("a:1")
    assert not db.remove_manual("a:1")
    db.close()


def test_tables_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_db, "PINS_KEPT", 3)
    monkeypatch.setattr(trust_db, "BANS_KEPT", 3)
    db = TrustEditor(path)
    for number in range(1, 8):
        db.pin(Address("192.0.2.1", number), ALICE)
        db.save_ban(Ban(f"net:4:1.{number}", SOON + number, "", 1))
    assert len(db.pins()) == 3
    assert [ban.subject for ban in db.bans()] == ["net:4:1.5", "net:4:1.6", "net:4:1.7"]
    db.close()


def test_the_node_hears_of_another_process_and_not_of_itself(path: Path) -> None:
    node = TrustDb(path)
    assert not node.changed()
    node.pin(HERE, ALICE)
    assert not node.changed()
    script = (
        "import sys; from pathlib import Path; from quip.net.peers.trust_db import TrustEditor;"
        "db = TrustEditor(Path(sys.argv[1])); db.add_manual('a:1'); db.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert node.changed()
    assert not node.changed()
    assert node.manual() == ["a:1"]
    node.close()


def test_a_write_that_waits_in_vain_says_who_holds_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_db, "_PATIENCE_MS", 1)
    db = TrustDb(path)
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    with pytest.raises(PeersFileError, match="another process holds"):
        db.pin(HERE, ALICE)
    assert db.pin_of(HERE) is None  # reading goes on
    shell.execute("ROLLBACK")
    db.pin(HERE, ALICE)
    shell.close()
    db.close()


def test_the_node_goes_on_when_a_write_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_db, "_PATIENCE_MS", 1)
    told: list[PeersFileError] = []
    db = TrustDb(path, told.append)
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    db.save_addresses([row(HERE)], [HERE])
    shell.close()
    assert [error.message for error in told] == [f"another process holds {path}"]
    db.save_addresses([row(HERE)], [HERE])
    assert db.anchors() == [HERE]
    db.close()


def test_a_full_disk_keeps_what_was_there(path: Path) -> None:
    db = TrustDb(path)
    db.pin(HERE, ALICE)
    pages = db._connection.execute("PRAGMA page_count").fetchone()[0]
    db._connection.execute(f"PRAGMA max_page_count = {pages}")
    many = [row(Address("192.0.2.7", port)) for port in range(1, 2000)]
    with pytest.raises(PeersFileError, match="full") as caught:
        db.save_addresses(many, [])
    assert "free some space" in caught.value.hint
    assert db.pin_of(HERE) == ALICE
    assert db.addresses() == []
    db.close()


@pytest.mark.parametrize("damage", ["text", "zeros", "cut", "page"])
def test_damage_is_named_with_a_way_out(path: Path, damage: str) -> None:
    db = TrustDb(path)
    db.save_addresses([row(Address("192.0.2.7", port)) for port in range(1, 500)], [])
    db.close()
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"not a database at all, " * 300)
    elif damage == "zeros":
        content[:100] = bytes(100)
    elif damage == "cut":
        del content[len(content) // 2 :]
    else:
        for start in range(4096, len(content), 4096):
            content[start : start + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(PeersFileError, match="damaged") as caught:
        TrustDb(path)
    assert caught.value.hint.startswith(f"run: mv {path}")


def test_a_file_of_a_newer_program_is_left_alone(path: Path) -> None:
    TrustDb(path).close()
    shell = sqlite3.connect(path)
    shell.execute("PRAGMA user_version = 2")
    shell.commit()
    shell.close()
    before = path.read_bytes()
    with pytest.raises(PeersFileError, match="of version 2"):
        TrustDb(path)
    assert path.read_bytes() == before


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PeersFileError, match="cannot open"):
        TrustDb(tmp_path / "nowhere" / "trust.db")


@pytest.mark.parametrize("round_", range(3))
def test_what_was_told_durable_survives_a_kill(path: Path, round_: int) -> None:
    """A process that is killed in the middle of writing: every write that it reported is there, the file is whole."""
    script = (
        "import sys; from pathlib import Path\n"
        "from quip.net.address import Address; from quip.net.peers.trust_db import TrustDb\n"
        "db = TrustDb(Path(sys.argv[1]))\n"
        "for port in range(1, 60000):\n"
        "    db.pin(Address('192.0.2.1', port), b'k' * 32); print(port, flush=True)"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    reported = [int(child.stdout.readline()) for _ in range(20 + 30 * round_)]
    child.kill()
    reported += [int(line) for line in child.stdout.read().splitlines() if line.isdigit()]
    child.wait()
    child.stdout.close()
    db = TrustEditor(path)
    assert {pin.address.port for pin in db.pins()} >= set(reported)
    db.close()
