"""What is looked at in a data directory before anything is opened: who else can reach its secrets, and what is gone."""

import shlex

import structlog

from quip.files import durable_files
from quip.net.quic.node_identity import KEY_FILE
from quip.node.config.data_dir import DataFiles
from quip.node.errors import ExposedFiles

log = structlog.get_logger("quip.node")

LOST_HINT = "if you did not delete it, stop the node and put it back from where it went"


def check_private(files: DataFiles) -> None:
    """Raises ExposedFiles, which names every secret file that others can reach, and one command for all of them."""
    identity, wallet = files.identity, files.wallet
    secrets = (files.root / KEY_FILE, identity, identity / "mnemonic", identity / "identity.json")
    found = durable_files.exposed((*secrets, wallet, wallet / "mnemonic"))
    if found:
        raise ExposedFiles([(one.path, one.mode) for one in found])


def warn_of_losses(files: DataFiles, *, own_wallet: bool) -> None:
    """A line for each part that a node makes at its first start and that is not there, though the others are.

    `own_wallet`: rewards go to the wallet in the directory. A wallet alone proves nothing: it may be made beforehand.
    """
    has_store, has_identity = files.store.exists(), (files.identity / "mnemonic").exists()
    if not (files.spec.exists() or has_identity):
        return
    if not has_store and not _is_retired(files):
        log.warning("the chain is gone: it begins anew", path=str(files.store), hint=LOST_HINT)
    if not has_identity:
        log.warning("the mining identity is gone: a new one is made", path=str(files.identity), hint=LOST_HINT)
    if own_wallet and not (files.wallet / "mnemonic").exists():
        log.warning(
            "the payout wallet is gone: a new one is made, which holds nothing of the old one's",
            path=str(files.wallet), hint=_wallet_hint(files),
        )  # fmt: skip


def _is_retired(files: DataFiles) -> bool:
    """True after `quip db retire`, which takes the spec along."""
    return not files.spec.exists() and any(files.root.glob(f"{files.store.name}.retired-*"))


def _wallet_hint(files: DataFiles) -> str:
    restore = shlex.join(["quip", "wallet", "restore", "--data-dir", str(files.root)])
    return f"stop the node, move {files.wallet} away and run: {restore}"
