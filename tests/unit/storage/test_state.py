"""Account states over the store; crates/state/tests has branches, flushes and prunings against plain maps."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.consensus.execution.genesis import genesis_header
from quip.consensus.types.account_state import EMPTY_CODE_HASH, Account, AccountChange
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.storage.errors import StateMissing, StoreCorrupt
from quip.storage.state import DEFAULT_LIMITS, StagedState, StateLimits, StoredState
from reference import trie
from support.chains import network_spec

ALICE, BOB = b"\xa1" * 20, b"\xb0" * 20


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


class States:
    """One branch of states in a store."""

    def __init__(self, store: native_store.Store | None = None, limits: StateLimits = DEFAULT_LIMITS) -> None:
        self.store = store or native_store.Store.in_memory()
        self.native = limits.open(self.store)
        self.number, self.hash = -1, bytes(32)
        self.root = EMPTY_TRIE_ROOT

    def at(self, root: bytes) -> StoredState:
        return StoredState(self.native, root)

    def add(self, changes: Mapping[bytes, AccountChange]) -> StoredState:
        """The state after one block more."""
        update = self.at(self.root).update(changes)
        self.number, parent = self.number + 1, self.hash
        self.root, self.hash = update.root, keccak256(word(self.number))
        index = ("canonical", self.number.to_bytes(8, "big"), self.hash)
        self.native.commit([index], [], [(self.number, self.hash, parent, update, True)])
        return self.at(self.root)


def test_every_root_that_is_kept_stays_readable() -> None:
    for limits in (DEFAULT_LIMITS, StateLimits(flush_blocks=3, retained=50), StateLimits(flush_bytes=1)):
        states = States(limits=limits)
        made = [states.at(EMPTY_TRIE_ROOT)]
        made += [
            states.add({ALICE: AccountChange(balance=balance), bytes([balance]) * 20: AccountChange(1)})
            for balance in range(1, 20)
        ]
        for balance, state in enumerate(made):
            assert state.account(ALICE) == (Account(balance=balance) if balance else None)
            assert (state.account(bytes([5]) * 20) is not None) == (balance >= 5)


def test_a_state_that_is_not_kept_is_missing_and_no_damage() -> None:
    states = States(limits=StateLimits(flush_blocks=2, retained=4))
    made = [states.add({ALICE: AccountChange(balance=balance)}) for balance in range(1, 21)]
    assert states.native.oldest == (16, keccak256(word(16)))
    for state in made[:16]:
        with pytest.raises(StateMissing, match="missing trie node"):
            state.account(ALICE)
    assert [state.account(ALICE) for state in made[16:]] == [Account(balance=balance) for balance in range(17, 21)]
    assert states.native.check()[2] == []


def test_an_archive_has_every_state() -> None:
    states = States(limits=StateLimits(flush_blocks=2, retained=2, archive=True))
    made = [
        states.add({ALICE: AccountChange(1, balance, b"", {word(1): word(balance)}), BOB: AccountChange(balance)})
        for balance in range(1, 20)
    ]
    for balance, state in enumerate(made, 1):
        account = state.account(ALICE)
        assert account is not None
        assert (account.balance, state.storage(ALICE, word(1))) == (balance, word(balance))
        assert state.prove(ALICE, [word(1)]).account == account
    update = made[3].update({BOB: AccountChange(balance=4)})
    assert update.nodes()
    with pytest.raises(StateMissing):  # read, but nothing is built on it: no diff leads there
        states.native.commit([], [], [(5, bytes(32), keccak256(word(3)), update, False)])
    assert states.native.check()[2] == []


def test_a_side_branch_and_a_reorganisation_along_the_diffs() -> None:
    states = States(limits=StateLimits(flush_blocks=3))
    for balance in range(1, 8):
        states.add({ALICE: AccountChange(balance=balance), bytes([balance]) * 20: AccountChange(1)})
    old_root, parent, root = states.root, keccak256(word(2)), None
    for number in range(3, 9):
        slots: list[tuple[bytes, bytes]] = []
        changes = [(BOB, 0, number, EMPTY_CODE_HASH, slots)]
        below = root or update_root(states, 2)
        update = states.native.update(below, changes, [])
        side = keccak256(b"side" + word(number))
        states.native.commit([], [], [(number, side, parent, update, number == 8)])
        parent, root = side, update.root
    assert root is not None
    assert states.native.head == (8, parent)
    now, before = states.at(root), states.at(old_root)
    assert (now.account(ALICE), now.account(BOB), now.account(bytes([5]) * 20)) == (
        Account(balance=3), Account(balance=8), None,
    )  # fmt: skip
    assert (before.account(ALICE), before.account(BOB)) == (Account(balance=7), None)
    assert before.account(bytes([5]) * 20) == Account(1)
    assert states.native.check()[1:] == (7 + 6, [])


def update_root(states: States, number: int) -> bytes:
    """Root of a block of the branch that `States` adds to."""
    row = states.store.get("state_blocks", number.to_bytes(8, "big") + keccak256(word(number)))
    assert row is not None
    return row[32:]


def test_what_waits_for_a_flush_is_there_after_a_restart(tmp_path: Path) -> None:
    store = native_store.Store.open(tmp_path / "store.redb")
    states = States(store)
    contract = AccountChange(1, 2, b"\x60\x00", {word(1): word(7), word(2): word(8)})
    first = states.add({ALICE: contract, BOB: AccountChange(balance=5)})
    second = states.add({ALICE: AccountChange(1, 3, b"\x60\x00", {word(1): word(0)}), BOB: AccountChange()})
    del first, second
    store.close()
    roots = [states.root]
    del states
    store = native_store.Store.open(tmp_path / "store.redb")
    again = StoredState(DEFAULT_LIMITS.open(store), roots[0])
    assert again.account(BOB) is None
    assert [again.storage(ALICE, word(slot)) for slot in (1, 2, 3)] == [word(0), word(8), word(0)]
    account = again.account(ALICE)
    assert account is not None and again.code(account.code_hash) == b"\x60\x00"
    store.close()


def test_an_update_writes_nothing() -> None:
    states = States()
    update = states.at(EMPTY_TRIE_ROOT).update({ALICE: AccountChange(nonce=1)})
    assert update.nodes()
    with pytest.raises(StateMissing):
        states.at(update.root).account(ALICE)


def test_an_emptied_account_is_gone_and_no_change_changes_nothing() -> None:
    states = States()
    one = states.add({ALICE: AccountChange(balance=1)})
    first = states.root
    states.add({BOB: AccountChange(balance=2)})
    states.add({BOB: AccountChange()})
    assert states.root == first
    assert one.update({ALICE: AccountChange(balance=1), BOB: AccountChange()}).nodes() == []
    assert one.update({ALICE: AccountChange()}).root == EMPTY_TRIE_ROOT


def test_what_is_staged_is_read_before_its_commit() -> None:
    states = States()
    states.add({ALICE: AccountChange(balance=1)})
    staged = StagedState(states.native)
    root = states.root
    for balance in (2, 3):
        update = states.native.update(root, [(ALICE, 0, balance, EMPTY_CODE_HASH, [])], [], staged._staged)
        staged.keep(genesis_header(network_spec(), update.root), update)
        root = update.root
        assert staged.state(root).account(ALICE) == Account(balance=balance)
    assert staged.state(states.root).account(ALICE) == Account(balance=1)
    with pytest.raises(StateMissing):
        states.at(root).account(ALICE)


@pytest.mark.parametrize(
    ("address", "account", "error"),
    [
        (b"\x01" * 19, AccountChange(), ValueError),
        (ALICE, AccountChange(storage={b"": word(1)}), ValueError),
        (ALICE, AccountChange(storage={word(1): bytes(33)}), ValueError),
        (ALICE, AccountChange(balance=1 << 256), OverflowError),
        (ALICE, AccountChange(balance=-1), OverflowError),
        (ALICE, AccountChange(nonce=1 << 64), OverflowError),
    ],
)
def test_impossible_accounts_are_refused(address: bytes, account: AccountChange, error: type[Exception]) -> None:
    with pytest.raises(error):
        States().at(EMPTY_TRIE_ROOT).update({address: account})


def test_largest_values_survive() -> None:
    change = AccountChange((1 << 64) - 1, (1 << 256) - 1, b"\xff" * 24_576, {b"\xff" * 32: b"\xff" * 32})
    state = States().add({ALICE: change})
    account = state.account(ALICE)
    assert account is not None
    assert (account.nonce, account.balance) == (change.nonce, change.balance)
    assert state.code(account.code_hash) == change.code
    assert state.storage(ALICE, b"\xff" * 32) == b"\xff" * 32
    with pytest.raises(StoreCorrupt, match="code is missing"):
        state.code(bytes(32))


def test_proofs_lead_from_the_root_to_the_account_and_its_slots() -> None:
    states = States()
    accounts = {bytes([index]) * 20: AccountChange(balance=index + 1) for index in range(50)}
    slots = {word(index): word(index + 1) for index in range(20)}
    state = states.add({**accounts, ALICE: AccountChange(1, 2, b"\x60", slots)})
    proof = state.prove(ALICE, [word(3), word(99)])
    assert proof.account is not None and proof.account == state.account(ALICE)
    assert keccak256(proof.nodes[0]) == states.root
    fields = [rlp.int_to_bytes(1), rlp.int_to_bytes(2), proof.account.storage_root, proof.account.code_hash]
    assert proof.nodes[-1].endswith(rlp.encode(fields))
    assert proof.account.storage_root == trie.root({keccak256(slot): rlp.encode(rlp.int_to_bytes(value[31]))
                                                    for slot, value in slots.items()})  # fmt: skip
    (value, path), (none, _) = proof.slots
    assert (value, none) == (word(4), word(0))
    assert keccak256(path[0]) == proof.account.storage_root
    absent = state.prove(b"\xee" * 20, [word(0)])
    assert (absent.account, absent.slots) == (None, [(word(0), [])])
    assert keccak256(absent.nodes[0]) == states.root


def test_state_check_names_what_is_missing() -> None:
    states = States()
    states.add({bytes([index]) * 20: AccountChange(balance=index + 1) for index in range(100)})
    states.native.flush()
    keys = states.store.keys("trie", b"", 1_000)
    assert states.native.check() == (len(keys), 1, [])
    victim = next(key for key in keys if len(key) > 3)
    copy = native_store.Store.in_memory()
    rows = [(table, *row) for table in states.store.tables() for row in states.store.scan(table, b"", None, 10_000)]
    copy.commit([row for row in rows if row[:2] not in {("trie", victim), ("meta", b"store_version")}], [])
    *_, problems = DEFAULT_LIMITS.open(copy).check()
    assert any(f"trie, key 0x{victim.hex()}" in problem for problem in problems), problems
