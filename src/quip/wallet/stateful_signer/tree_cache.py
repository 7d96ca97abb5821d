"""Stored trees of an XMSS key: public nodes, kept so that a restart need not hash for half a second.

A file holds SHA-256 of the rest || the key's 68 bytes || layer (1 byte) || number (8 bytes) || nodes. A file that is
missing, damaged or about another key is as good as none: the tree is computed again. A wrong root below the top must
never get signed, which is why damage is looked for here and not left to the verification after signing.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from quip._native.hashsig import XmssKey
from quip.wallet import secret_files

_CHECK_BYTES = 32


class TreeCache:
    """The stored trees of one key in one directory, one file a layer."""

    def __init__(self, directory: Path, suite: int, layers: int, index: int) -> None:
        self._directory = directory
        self._paths = [directory / f"tree-{index}-layer-{layer}" for layer in range(layers)]
        self._suite = suite

    def load(self, seeds: bytes, public_key: bytes) -> XmssKey | None:
        """The key, if its top tree is stored and sound; with the trees below as far as they are, too."""
        top = self._read(len(self._paths) - 1, public_key)
        if top is None:
            return None
        key = XmssKey.restore(self._suite, seeds, top[1])
        if key.public_key != public_key:
            return None
        for layer in range(len(self._paths) - 1):
            stored = self._read(layer, public_key)
            if stored is not None:
                key.put_tree(layer, *stored)
        return key

    def save(self, key: XmssKey) -> None:
        """Store the trees that the key holds now. Raises WriteFailed."""
        for layer, path in enumerate(self._paths):
            held = key.tree(layer)
            stored = self._read(layer, key.public_key)
            if held is None or (stored is not None and stored[0] == held[0]):
                continue
            number, nodes = held
            content = key.public_key + bytes([layer]) + number.to_bytes(8, "big") + nodes
            secret_files.replace(path, sha256(content).digest() + content)

    def drop_others(self) -> None:
        """Forget the trees of every other key in the directory: they never sign again. Failing is no harm."""
        for path in self._directory.glob("tree-*-layer-*"):
            if path not in self._paths:
                with suppress(OSError):
                    path.unlink()

    def _read(self, layer: int, public_key: bytes) -> tuple[int, bytes] | None:
        """Number and nodes of the stored tree of a layer, if sound."""
        path = self._paths[layer]
        if not path.is_file():
            return None
        stored = path.read_bytes()
        check, content = stored[:_CHECK_BYTES], stored[_CHECK_BYTES:]
        expected = public_key + bytes([layer])
        if sha256(content).digest() != check or not content.startswith(expected):
            return None
        return int.from_bytes(content[len(expected) : len(expected) + 8], "big"), content[len(expected) + 8 :]
