"""Ethereum's own TrieTests, and what they leave out. The cases lie beside the project and are not copied into it."""

import json

import pytest

from quip._native import state
from quip.primitives.hashes import keccak256
from reference import trie
from support.places import OUTSIDE

VECTORS = OUTSIDE / "ethereum" / "TrieTests"
FILES = {
    "trietest.json": False,
    "trieanyorder.json": False,
    "trietest_secureTrie.json": True,
    "trieanyorder_secureTrie.json": True,
    "hex_encoded_securetrie_test.json": True,
}
"""File -> whether its keys are hashed. (trietestnextprev.json asks for the neighbours of a key: not offered.)"""
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="no outside test data in ../shared/vectors")


def as_bytes(text: str | None) -> bytes:
    if text is None:
        return b""
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode()


def cases(name: str) -> list[tuple[str, list[tuple[bytes, bytes]], bytes]]:
    document = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    found = []
    for case, content in document.items():
        given = content["in"]
        steps = given.items() if isinstance(given, dict) else given
        found.append((case, [(as_bytes(key), as_bytes(value)) for key, value in steps], as_bytes(content["root"])))
    return found


@needs_vectors
@pytest.mark.parametrize("name", FILES)
def test_ethereum_cases(name: str) -> None:
    assert cases(name), "no cases in the file"
    for case, steps, expected in cases(name):
        keyed = [(keccak256(key) if FILES[name] else key, value) for key, value in steps]
        assert state.trie_root(keyed) == expected, case
        assert trie.root({key: value for key, value in dict(keyed).items() if value}) == expected, case
        stored = state.MemoryTrie()
        roots = [stored.update([step]) for step in keyed]  # one commit a step: nodes are written and read again
        assert roots[-1] == expected, case


@needs_vectors
@pytest.mark.parametrize("name", ["trieanyorder.json", "trieanyorder_secureTrie.json"])
def test_order_does_not_matter(name: str) -> None:
    for case, steps, expected in cases(name):
        keyed = [(keccak256(key) if FILES[name] else key, value) for key, value in steps]
        for turn in range(len(keyed)):
            assert state.trie_root([*keyed[turn:], *keyed[:turn]]) == expected, case
            assert state.trie_root([*keyed[:turn], *reversed(keyed[turn:])]) == expected, case
