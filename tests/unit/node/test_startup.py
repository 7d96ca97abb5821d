"""What is opened at the start, and how its failures are explained."""

import errno
import os
import shutil
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from quip.chain.errors import IncompleteStore
from quip.chain.errors import WrongChain as OtherGenesis
from quip.networks.shipped import spec_bytes
from quip.node import startup
from quip.node.config.data_dir import DataFiles
from quip.node.errors import (
    ConfigError,
    DamagedStore,
    DataDirBusy,
    DataDirError,
    DiskFull,
    PayoutRefused,
    WrongChain,
)
from quip.primitives.errors import OperatorError
from quip.storage.errors import (
    OLDER,
    DataDirLocked,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreVersion,
    WrongNetwork,
)
from quip.wallet.errors import WalletMissing, WriteFailed
from support.chains import generator, memory_store, network_spec, new_chain
from support.signers import signer

HERE = Path("/data")


@pytest.mark.parametrize(
    ("error", "explained", "words"),
    [
        (DataDirLocked(HERE, 7), DataDirBusy, "process 7"),
        (StoreLocked("x"), DataDirBusy, "another process"),
        (StoreFull("x"), DiskFull, "full"),
        (StoreCorrupt("table blocks"), DamagedStore, "table blocks"),
        (IncompleteStore("no head"), DamagedStore, "no head"),
        (OtherGenesis(b"\1" * 32, b"\2" * 32), WrongChain, "0101"),
        (WrongNetwork(1, 2), DataDirError, "chain id 1"),
        (StoreVersion("version 9"), DataDirError, "/data: version 9"),
        (StoreError("odd"), DataDirError, "odd"),
        (WriteFailed(HERE, OSError(errno.ENOSPC, "No space")), DiskFull, "full"),
        (WriteFailed(HERE, OSError(errno.EIO, "I/O error")), WriteFailed, "I/O error"),
        (WalletMissing(HERE), WalletMissing, "no wallet"),
        (OSError(errno.ENOSPC, "No space"), DiskFull, "full"),
        (PermissionError(errno.EACCES, "Permission denied"), DataDirError, "Permission denied"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_failures_are_explained(error: Exception, explained: type[OperatorError], words: str) -> None:
    with pytest.raises(explained) as caught, startup.explained(HERE):
        raise error
    assert words in caught.value.message
    assert caught.value.hint


def test_an_older_store_is_retired_or_rebuilt() -> None:
    with pytest.raises(DataDirError) as caught, startup.explained(HERE):
        raise StoreVersion(f"store has version 1, this program needs 2{OLDER}")
    assert caught.value.message == "/data: store has version 1, this program needs 2"
    assert "quip db retire --data-dir /data" in caught.value.hint
    assert caught.value.hint.endswith("quip db reindex --data-dir /data")


def test_bugs_are_not_explained_away() -> None:
    with pytest.raises(ZeroDivisionError), startup.explained(HERE):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["public", "dev", "test", "local"])
def test_networks_load(name: str) -> None:
    rules = startup.load_rules(name)
    assert rules.spec.name == name
    assert rules.text == spec_bytes(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"{", "spec"), (b"{}", "spec"), (spec_bytes("test").replace(b'"gate_bits"', b'"gate_bit"'), "gate_bit")],
)
def test_a_wrong_spec_is_named(text: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "chain.json"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=words) as caught:
        startup.load_rules(str(path))
    assert "--genesis-config" in caught.value.hint


def test_a_chain_opens_again_and_another_one_is_refused(tmp_path: Path) -> None:
    files = DataFiles(tmp_path)
    rules = startup.load_rules("test")
    store, chain = startup.open_chain(files, rules)
    genesis = chain.head.hash
    store.close()
    with startup.stopped_chain(files) as (found, _, again):
        assert (again.head.hash, found.text) == (genesis, rules.text)
    with pytest.raises(DataDirError, match="chain id"):
        startup.open_chain(files, startup.load_rules("dev"))
    text = rules.text.replace(b'"base_fee_per_gas": "', b'"base_fee_per_gas": "1')
    assert text != rules.text
    with pytest.raises(WrongChain, match="holds a chain with genesis") as caught:
        startup.open_chain(files, startup.rules_of(text, "changed"))
    assert f"quip db retire --data-dir {tmp_path}" in caught.value.hint


def test_rules_that_are_no_longer_read_are_told_from_damage(tmp_path: Path) -> None:
    files = DataFiles(tmp_path)
    startup.open_chain(files, startup.load_rules("test"))[0].close()
    files.spec.write_bytes(files.spec.read_bytes().replace(b'"lag": 8,', b""))
    with pytest.raises(DataDirError, match=r"difficulty\.lag: missing") as caught:
        startup.directory_rules(files)
    assert f"quip db retire --data-dir {tmp_path}" in caught.value.hint


def test_a_graph_that_is_not_its_specs_is_said_when_it_is_needed(tmp_path: Path) -> None:
    files = DataFiles(tmp_path)
    digest = startup.load_rules("test").spec.puzzle.topology.digest.hex()
    files.spec.write_bytes(startup.load_rules("test").text.replace(digest.encode(), bytes(64).hex()[:64].encode()))
    rules = startup.directory_rules(files)
    with pytest.raises(DataDirError, match=r"chain_spec\.json: .*but the graph's is 0x") as caught:
        rules.puzzle.energies(bytes(32), [])
    assert caught.value.hint


@pytest.mark.parametrize("damage", [b"", b"{", spec_bytes("dev")])
def test_a_damaged_spec_in_the_directory_is_named_and_mended(damage: bytes, tmp_path: Path) -> None:
    files = DataFiles(tmp_path)
    rules = startup.load_rules("test")
    startup.open_chain(files, rules)[0].close()
    files.spec.write_bytes(damage)
    if b"}" not in damage:
        with pytest.raises(DataDirError) as caught, startup.stopped_chain(files):
            pass
        assert str(files.spec) in caught.value.message
        assert "start the node once with the --genesis-config" in caught.value.hint
    startup.open_chain(files, rules)[0].close()  # as the hint says
    with startup.stopped_chain(files) as (found, _, _):
        assert found.text == rules.text


def test_there_is_no_chain_in_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(DataDirError, match="there is no chain"), startup.stopped_chain(DataFiles(tmp_path)):
        pass


def test_the_directory_is_ours_alone(tmp_path: Path) -> None:
    files = DataFiles(tmp_path / "data")
    with startup.lock_directory(files):
        assert files.root.stat().st_mode & 0o777 == 0o700
        with pytest.raises(DataDirBusy, match=str(os.getpid())):
            startup.lock_directory(files)


def test_somebody_elses_directory_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    startup.lock_directory(DataFiles(tmp_path)).release()
    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_rewards_go_to_an_account_never_to_a_miner(tmp_path: Path) -> None:
    store = memory_store(network_spec())
    made = generator(new_chain(store=store), miners=1)
    for _ in made.extend(1):
        pass
    miner, mine, account = signer(1).miner_id, b"\x07" * 20, b"\x08" * 20
    files = DataFiles(tmp_path)
    assert startup.payee(account, files, store, mine) == account
    assert not files.wallet.exists()
    for refused in (miner, mine):
        with pytest.raises(PayoutRefused, match="miner id"):
            startup.payee(refused, files, store, mine)
    own = startup.payee(None, files, store, mine)
    assert startup.payee(None, files, store, mine) == own


def test_the_chain_knows_our_leaves(tmp_path: Path) -> None:
    store = memory_store(network_spec())
    made = generator(new_chain(store=store), seed=11, miners=1)
    assert startup.first_unseen_leaf(store, signer(1).miner_id) == 0
    leaves = []
    for _ in range(3):
        block = made.block(made.chain.head)
        made.accept(block)
        assert block.seal is not None
        leaves.append(int.from_bytes(block.seal.xmss_signature[:3], "big"))
    assert startup.first_unseen_leaf(store, signer(1).miner_id) == leaves[-1] + 1
    assert startup.first_unseen_leaf(store, b"\x00" * 20) == 0


def test_records_lie_outside_the_data_directory_where_they_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = DataFiles(tmp_path / "data")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert startup.records_of(files) == tmp_path / "home" / ".quip" / "records"
    monkeypatch.setenv("HOME", "/proc/none")
    assert startup.records_of(files) == files.root / "identity-records"


def test_records_of_the_operators_choice_lie_there_and_nowhere_else(tmp_path: Path) -> None:
    chosen = DataFiles(tmp_path / "data", tmp_path / "records")
    assert startup.records_of(chosen) == tmp_path / "records"
    with pytest.raises(ConfigError, match="records_dir"):
        startup.records_of(DataFiles(tmp_path / "data", tmp_path / "data" / "identity" / "records"))


def test_a_recreated_container_is_told_its_cost_and_cure(tmp_path: Path) -> None:
    """The data is kept, the records are not; afterwards one tree is stored, not two."""
    files = DataFiles(tmp_path / "data", tmp_path / "records")

    def opened() -> tuple[bytes, MutableMapping[str, Any]]:
        with structlog.testing.capture_logs() as lines:
            identity = startup.open_identity(files, 20_050, memory_store(network_spec()), None)
            identity.close()
        told = [line for line in lines if line["event"] == "new mining identity"]
        return identity.miner_id, told[0] if told else {}

    first, line = opened()
    assert (line["log_level"], line["why"]) == ("info", "first run")
    trees = {path.name for path in files.identity.glob("tree-*")}
    assert opened() == (first, {})
    shutil.rmtree(tmp_path / "records")
    second, line = opened()
    assert second != first
    assert line["log_level"] == "warning"
    assert "is gone" in str(line["why"])
    assert "another id" in str(line["cost"])
    assert "--records-dir" in str(line["hint"])
    left = {path.name for path in files.identity.glob("tree-*")}
    assert len(left) == len(trees)
    assert not left & trees
