"""A directory that an older program left, of a network that was cut anew since: refused, retired, gone on with.

`old_cut.tar.xz` is such a directory and its records, as commit b614187 left them: `quip-network-node cpu
--genesis-config dev --auto-mine` mined six blocks. Only the trees' caches are left out, which are made anew. Its keys
were made for this and are worth nothing.
"""

import shlex
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from quip.networks.shipped import load_spec
from quip.primitives.hybrid import leaf_of
from quip.storage import STORE_FILE
from quip.storage.chain_store import read_chain_store
from quip.wallet.mining_identity.identity_file import IdentityState
from quip.wallet.mining_identity.place import Place
from support.easy_chain import easy_chain
from support.node_process import NodeProcess, run_json, run_program
from support.places import VECTORS

DEV = 20_050
MINER_ID = "0xb34679d6ee22f3b3621e4416fb43504ad2019f82"
PAYOUT = "0xB8aEb8c96626DD79b3eDa8574b3EF6Fdecfb7cb4"
BLOCKS = 6
"""Each took a one-time leaf."""
KEPT = ("node.key", "node.crt", "identity/mnemonic", "identity/journal-0", "wallet/mnemonic")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the directory `dir` in it, as if it had always been here: a copied identity begins a fresh tree."""
    with tarfile.open(VECTORS / "old_cut.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    for folder in (tmp_path / "dir", *(path for path in (tmp_path / "dir").iterdir() if path.is_dir())):
        folder.chmod(0o700)
    identity = tmp_path / "dir" / "identity"
    file = identity / "identity.json"
    state = IdentityState.load(file)
    (record,) = (tmp_path / ".quip" / "records").iterdir()
    replace(state, place=Place.of(identity, identity / "journal-0", record)).save(file)
    return tmp_path


def started(home: Path, *arguments: str) -> tuple[int, list[str]]:
    """Exit status and last lines of a node that does not start."""
    done = run_program(
        "quip-network-node", "cpu", "--data-dir", str(home / "dir"), "--port", "0", "--rpc-port", "0", *arguments,
        home=home,
    )  # fmt: skip
    return done.returncode, done.stderr.strip().splitlines()


def test_it_is_refused_in_a_line_that_says_what_to_do_and_then_goes_on(home: Path) -> None:
    data_dir = home / "dir"
    retire = f"quip db retire --data-dir {data_dir}"
    for arguments in (("--genesis-config", "dev"), ()):
        status, lines = started(home, *arguments)
        assert status != 0
        error, hint = lines[-2:]
        assert error.startswith(f"error: {data_dir}"), lines
        assert hint.startswith(f"hint: if the network was cut anew, run: {retire} (identity and wallet stay)"), lines
    kept = {name: (data_dir / name).read_bytes() for name in KEPT}
    moved = run_json(*shlex.split(retire), home=home)["moved"]
    assert [Path(path).name for path in moved] == [
        "chain_spec.json.retired-1", "trust.db.retired-1", "store.redb.retired-1",
    ]  # fmt: skip
    assert {name: (data_dir / name).read_bytes() for name in KEPT} == kept

    node = NodeProcess(home, data_dir, "--auto-mine", genesis=easy_chain(home, chain_id=DEV))
    try:
        node.wait_for_height(1)
        status = node.client().call("quip_getStatus")
        assert (status["minerId"], status["payout"]) == (MINER_ID, PAYOUT)
        node.stop()
        text = node.text()
    finally:
        node.end()
    assert "new mining identity" not in text and "the chain is gone" not in text
    assert (data_dir / "identity" / "journal-0").read_bytes().startswith(kept["identity/journal-0"])
    store = read_chain_store(data_dir / STORE_FILE)
    block = store.block(store.canonical(1) or b"")
    store.close()
    assert block is not None and block.seal is not None
    assert leaf_of(block.seal.suite, block.seal.xmss_signature) >= BLOCKS, "no leaf signs on both chains"
    assert load_spec("dev").chain_id == DEV
