"""Before anything is opened: exposed secrets are named all at once with a command that helps; losses are told."""

import subprocess
from pathlib import Path

import pytest
import structlog

from quip.net.local_errors import ExposedKey
from quip.net.quic.node_identity import NodeIdentity
from quip.node.config.data_dir import DataFiles
from quip.node.directory_check import check_private, warn_of_losses
from quip.node.errors import ExposedFiles
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import ExposedSecret

SECRETS = ("node.key", "identity/mnemonic", "identity/identity.json", "wallet/mnemonic")
PARTS = ("store.redb", "chain_spec.json", *SECRETS)


@pytest.fixture
def files(tmp_path: Path) -> DataFiles:
    """A directory whose name needs quotes, as a node leaves it."""
    root = tmp_path / "a node's data"
    for name in ("identity", "wallet"):
        (root / name).mkdir(parents=True, mode=0o700)
    for name in PARTS:
        (root / name).write_bytes(b"x")
        (root / name).chmod(0o600)
    return DataFiles(root)


def run_hint(hint: str) -> None:
    """What an operator does who believes it."""
    assert hint.startswith("run: chmod ")
    subprocess.run(hint.removeprefix("run: "), shell=True, check=True)


def test_a_private_directory_is_in_order(files: DataFiles) -> None:
    check_private(files)
    check_private(DataFiles(files.root / "not made yet"))


@pytest.mark.parametrize("mode", [0o660, 0o640, 0o604, 0o666])
def test_all_exposed_files_are_named_at_once_and_the_hint_helps(files: DataFiles, mode: int) -> None:
    for name in SECRETS:
        (files.root / name).chmod(mode)
    files.identity.chmod(0o770)
    with pytest.raises(ExposedFiles) as caught:
        check_private(files)
    assert all(str(files.root / name) in caught.value.message for name in (*SECRETS, "identity"))
    run_hint(caught.value.hint)
    check_private(files)


@pytest.mark.parametrize("mode", [0o660, 0o640, 0o604])
def test_the_hint_about_the_nodes_own_key_helps(tmp_path: Path, mode: int) -> None:
    """Of the mode 0660 it once left 0640, and came again for ever."""
    NodeIdentity.open(tmp_path)
    (tmp_path / "node.key").chmod(mode)
    with pytest.raises(ExposedKey) as caught:
        NodeIdentity.open(tmp_path)
    run_hint(caught.value.hint)
    NodeIdentity.open(tmp_path)


@pytest.mark.parametrize("mode", [0o660, 0o644, 0o666])
def test_the_hint_about_a_given_key_helps_and_leaves_it_to_its_group(tmp_path: Path, mode: int) -> None:
    own = NodeIdentity.open(tmp_path / "made")
    given = tmp_path / "a given.key"
    given.write_bytes((tmp_path / "made" / "node.key").read_bytes())
    given.chmod(mode)
    with pytest.raises(ExposedKey) as caught:
        NodeIdentity.open(tmp_path, tmp_path / "made" / "node.crt", given)
    run_hint(caught.value.hint)
    assert NodeIdentity.open(tmp_path, tmp_path / "made" / "node.crt", given).node_id == own.node_id
    assert given.stat().st_mode & 0o040


def test_the_hint_about_the_wallet_helps(tmp_path: Path) -> None:
    wallet = PayoutWallet.create(tmp_path / "my wallet")
    wallet.mnemonic_path.chmod(0o664)
    with pytest.raises(ExposedSecret) as caught:
        PayoutWallet.show(tmp_path / "my wallet")
    run_hint(caught.value.hint)
    assert PayoutWallet.show(tmp_path / "my wallet").address == wallet.address


def warned(files: DataFiles, own_wallet: bool = True) -> list[str]:
    with structlog.testing.capture_logs() as lines:
        warn_of_losses(files, own_wallet=own_wallet)
    assert all(line["log_level"] == "warning" and line["hint"] and line["path"] for line in lines)
    return [line["event"].split(":")[0] for line in lines]


def test_nothing_is_said_of_a_whole_directory_a_new_one_and_one_with_a_wallet_made_beforehand(
    files: DataFiles, tmp_path: Path
) -> None:
    assert warned(files) == warned(DataFiles(tmp_path / "new")) == []
    PayoutWallet.create(tmp_path / "early" / "wallet")
    assert warned(DataFiles(tmp_path / "early")) == []


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        (("store.redb",), ["the chain is gone"]),
        (("store.redb", "chain_spec.json"), ["the chain is gone"]),
        (("identity/mnemonic",), ["the mining identity is gone"]),
        (("wallet/mnemonic",), ["the payout wallet is gone"]),
        (("store.redb", "wallet/mnemonic"), ["the chain is gone", "the payout wallet is gone"]),
    ],
)
def test_what_is_gone_is_said(files: DataFiles, lost: tuple[str, ...], said: list[str]) -> None:
    for name in lost:
        (files.root / name).unlink()
    assert warned(files) == said


def test_who_is_paid_elsewhere_has_no_wallet_to_miss(files: DataFiles) -> None:
    (files.wallet / "mnemonic").unlink()
    assert warned(files, own_wallet=False) == []
