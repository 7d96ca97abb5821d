"""A node that is killed in mid-sync: what it had imported stays, but for one batch; then it goes on to the end."""

from pathlib import Path

from quip.net.limits import SYNC_IMPORT_BATCH
from quip.storage import STORE_FILE
from quip.storage.chain_store import open_chain_store, read_chain_store
from quip.storage.check import db_check
from support.chains import generator, network_spec
from support.node_process import NodeProcess, wait_until
from support.stores import open_chain

BLOCKS = 2_400


def height_of(data_dir: Path) -> int:
    """Number of the head in the store of a node that does not run."""
    store = read_chain_store(data_dir / STORE_FILE)
    head = store.head()
    header = store.header(head) if head else None
    store.close()
    return header.number if header else 0


def filled(data_dir: Path) -> None:
    """A data directory with a chain."""
    data_dir.mkdir(mode=0o700)
    store = open_chain_store(data_dir / STORE_FILE, network_spec().chain_id)
    for _ in generator(open_chain(store)).extend(BLOCKS):
        pass
    store.close()


def test_a_kill_in_mid_sync_loses_at_most_a_batch(tmp_path: Path) -> None:
    filled(tmp_path / "source")
    source = NodeProcess(tmp_path, tmp_path / "source")
    peer = ("--peer", f"127.0.0.1:{source.port}")
    fresh = NodeProcess(tmp_path, tmp_path / "fresh", *peer)
    try:
        source.wait_for_height(BLOCKS)
        seen = fresh.wait_for_height(1)
        fresh.kill()
        left = height_of(fresh.data_dir)
        assert left >= seen - SYNC_IMPORT_BATCH
        assert seen < BLOCKS, "it was over before it was killed"
        assert db_check(fresh.data_dir / STORE_FILE, spec=network_spec()).problems == ()
        fresh = NodeProcess(tmp_path, tmp_path / "fresh", *peer)
        assert fresh.wait_for_height(left) >= left
        assert fresh.wait_for_height(BLOCKS) == BLOCKS
        client = fresh.client()
        wait_until(lambda: client.call("eth_syncing") is False, "the end of the sync")
        assert "Traceback" not in fresh.text() + source.text()
    finally:
        source.end()
        fresh.end()
