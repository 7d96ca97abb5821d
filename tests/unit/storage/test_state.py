"""Account states over the store; the tries themselves are in test_trie_vectors.py and property/test_trie.py."""

import pytest

from quip._native import state as native_state
from quip._native import store as native_store
from quip.consensus.types.account_state import Account, StateUpdate
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.storage.errors import StoreCorrupt
from quip.storage.state import StoredState

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20


def kept(store: native_store.Store, update: StateUpdate) -> StoredState:
    store.commit([("nodes", node_hash, node) for node_hash, node in update.nodes], [])
    return StoredState(store, update.root)


def test_every_root_stays_readable() -> None:
    store = native_store.Store.in_memory()
    states = [StoredState(store, EMPTY_TRIE_ROOT)]
    for balance in range(1, 20):
        states.append(
            kept(store, states[-1].update({ALICE: Account(balance=balance), bytes([balance]) * 20: Account(1)}))
        )
    for balance, state in enumerate(states):
        assert state.account(ALICE) == (Account(balance=balance) if balance else None)
        assert (state.account(bytes([5]) * 20) is not None) == (balance >= 5)


def test_an_update_writes_nothing() -> None:
    store = native_store.Store.in_memory()
    update = StoredState(store, EMPTY_TRIE_ROOT).update({ALICE: Account(nonce=1)})
    assert update.nodes
    with pytest.raises(StoreCorrupt, match="missing"):
        StoredState(store, update.root).account(ALICE)


def test_an_emptied_account_is_gone_and_no_change_changes_nothing() -> None:
    store = native_store.Store.in_memory()
    one = kept(store, StoredState(store, EMPTY_TRIE_ROOT).update({ALICE: Account(balance=1)}))
    both = one.update({BOB: Account(balance=2)})
    back = kept(store, both).update({BOB: Account()})
    assert back.root == one.update({}).root
    assert one.update({ALICE: Account(balance=1), BOB: Account()}).nodes == ()
    assert one.update({ALICE: Account()}) == StateUpdate(EMPTY_TRIE_ROOT, ())


@pytest.mark.parametrize(
    ("address", "account", "error"),
    [
        (b"\x01" * 19, Account(), ValueError),
        (ALICE, Account(storage_root=b""), ValueError),
        (ALICE, Account(code_hash=bytes(33)), ValueError),
        (ALICE, Account(balance=1 << 256), OverflowError),
        (ALICE, Account(balance=-1), OverflowError),
        (ALICE, Account(nonce=1 << 64), OverflowError),
    ],
)
def test_impossible_accounts_are_refused(address: bytes, account: Account, error: type[Exception]) -> None:
    with pytest.raises(error):
        StoredState(native_store.Store.in_memory(), EMPTY_TRIE_ROOT).update({address: account})


def test_largest_values_survive() -> None:
    store = native_store.Store.in_memory()
    account = Account((1 << 64) - 1, (1 << 256) - 1, b"\x01" * 32, b"\x02" * 32)
    assert kept(store, StoredState(store, EMPTY_TRIE_ROOT).update({ALICE: account})).account(ALICE) == account


def test_state_check_names_what_is_missing() -> None:
    store = native_store.Store.in_memory()
    accounts = {bytes([index]) * 20: Account(balance=index + 1) for index in range(100)}
    update = StoredState(store, EMPTY_TRIE_ROOT).update(accounts)
    kept(store, update)
    assert native_state.check(store, [update.root, EMPTY_TRIE_ROOT]) == (len(update.nodes), [])
    victim = next(node_hash for node_hash, _ in update.nodes if node_hash != update.root)
    other = native_store.Store.in_memory()
    other.commit([("nodes", *node) for node in update.nodes if node[0] != victim], [])
    _, problems = native_state.check(other, [update.root])
    assert len(problems) == 1 and f"nodes, key 0x{victim.hex()}" in problems[0]
