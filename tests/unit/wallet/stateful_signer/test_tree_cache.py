from pathlib import Path

import pytest

from quip._native.hashsig import XmssKey
from quip.wallet.stateful_signer.tree_cache import TreeCache

SEEDS = bytes(range(96))


@pytest.fixture(scope="module")
def key() -> XmssKey:
    made = XmssKey.generate(2, SEEDS)
    made.prepare(5)
    return made


def test_stored_trees_come_back(key: XmssKey, tmp_path: Path) -> None:
    cache = TreeCache(tmp_path, 2, 2, 0)
    assert cache.load(SEEDS, key.public_key) is None
    cache.save(key)
    loaded = cache.load(SEEDS, key.public_key)
    assert loaded is not None
    assert (loaded.public_key, loaded.tree(0), loaded.tree(1)) == (key.public_key, key.tree(0), key.tree(1))
    assert loaded.sign(5, b"m") == key.sign(5, b"m")


@pytest.mark.parametrize("at", [0, 40, 100, 101, 110, 5000, -1])
def test_a_damaged_file_is_as_good_as_none(key: XmssKey, tmp_path: Path, at: int) -> None:
    cache = TreeCache(tmp_path, 2, 2, 0)
    cache.save(key)
    for layer in (0, 1):
        path = tmp_path / f"tree-0-layer-{layer}"
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        loaded = cache.load(SEEDS, key.public_key)
        assert (loaded is None) == (layer == 1)
        assert loaded is None or loaded.tree(0) is None


def test_files_of_another_layer_key_or_length(key: XmssKey, tmp_path: Path) -> None:
    cache = TreeCache(tmp_path, 2, 2, 0)
    cache.save(key)
    bottom, top = tmp_path / "tree-0-layer-0", tmp_path / "tree-0-layer-1"
    stored = top.read_bytes()
    top.write_bytes(bottom.read_bytes())
    assert cache.load(SEEDS, key.public_key) is None
    top.write_bytes(stored[:50])
    assert cache.load(SEEDS, key.public_key) is None
    top.write_bytes(stored)
    assert cache.load(SEEDS, b"\0" * 68) is None
    assert cache.load(SEEDS, key.public_key) is not None
