"""Whatever is set and removed in whatever order: the incremental trie has the root of what is left."""

import random

from hypothesis import given
from hypothesis import strategies as st

from quip._native import state as native_state
from quip._native import store as native_store
from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.primitives.hashes import keccak256
from quip.primitives.rlp import encode, int_to_bytes
from quip.storage.state import DEFAULT_LIMITS
from reference import trie
from support.examples import examples

# Few different bytes: keys share prefixes, and one may be a prefix of another.
KEYS = st.lists(st.sampled_from([0, 1, 0x10, 0x11, 0xFF]), max_size=4).map(bytes)
VALUES = st.one_of(st.just(b""), st.binary(min_size=1, max_size=3), st.binary(min_size=30, max_size=70))
STEPS = st.lists(st.tuples(KEYS, VALUES), max_size=40)


@given(STEPS, st.integers(1, 7), st.randoms(use_true_random=False))
@examples(150)
def test_incremental_equals_from_scratch(steps: list[tuple[bytes, bytes]], batch: int, shuffled: random.Random) -> None:
    stored = native_state.MemoryTrie()
    root = trie.EMPTY_ROOT
    left: dict[bytes, bytes] = {}
    for start in range(0, len(steps), batch):
        changes = steps[start : start + batch]
        left.update(changes)
        left = {key: value for key, value in left.items() if value}
        root = stored.update(changes)
        assert root == trie.root(left)
    for key, _ in steps:
        assert stored.get(key) == left.get(key)
    order = list(left.items())
    shuffled.shuffle(order)
    assert native_state.trie_root(order) == root
    assert stored.update([(key, b"") for key in left]) == trie.EMPTY_ROOT
    assert len(stored) == 0


ACCOUNTS = st.dictionaries(
    st.integers(0, 30), st.tuples(st.integers(0, 2), st.sampled_from([0, 0, 1, 10**30])), max_size=25
)


@given(st.lists(ACCOUNTS, max_size=4))
@examples(60)
def test_accounts_are_the_secure_trie_of_their_rlp(blocks: list[dict[int, tuple[int, int]]]) -> None:
    states = DEFAULT_LIMITS.open(native_store.Store.in_memory())
    root = parent = trie.EMPTY_ROOT
    state: dict[bytes, bytes] = {}
    for number, block in enumerate(blocks):
        changes = [(bytes([index]) * 20, *fields, trie.EMPTY_ROOT, EMPTY_CODE_HASH) for index, fields in block.items()]
        for address, nonce, balance, *hashes in changes:
            state[keccak256(address)] = encode([int_to_bytes(nonce), int_to_bytes(balance), *hashes])
            if nonce == balance == 0:
                del state[keccak256(address)]
        edits: list[tuple[bytes, int, int, bytes, list[tuple[bytes, bytes]]]] = [
            (address, nonce, balance, code_hash, []) for address, nonce, balance, _, code_hash in changes
        ]
        update = states.update(root, edits, [])
        root, block_hash = update.root, keccak256(number.to_bytes(8, "big"))
        states.commit([], [], [(number, block_hash, parent, update, True)])
        parent = block_hash
        assert root == trie.root(state)
        for address, *account in changes:
            expected = tuple(account) if any(account[:2]) else None
            assert states.account(root, address) == expected
        assert states.check()[2] == []
