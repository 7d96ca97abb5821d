"""The state transition: the reward is paid, claims are compared, nothing is written."""

from dataclasses import replace

import pytest

from quip.chain.chain import Chain
from quip.consensus.errors.body import (
    ExecutionError,
    InvalidTransaction,
    MalformedBlock,
    NotExecutable,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.execution.rewards import Payment, own_payment
from quip.consensus.execution.transition import Setting, check_body, check_outcome, execute
from quip.consensus.proof_of_work.difficulty import child_context
from quip.consensus.spec.chain_spec import GenesisAccount
from quip.consensus.types.account_state import EMPTY_CODE_HASH, Account, AccountChange
from quip.consensus.types.block import Block, transactions_root
from quip.consensus.types.header import EMPTY_TRIE_ROOT, MAX_UINT256
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.storage.state import StoredState
from reference import trie
from sim.liars.lies import TRANSACTION
from support.chains import grown, memory_store, network_spec, puzzle_of
from support.mutants import next_block

SPEC = network_spec()
MADE = grown(3)
CHAIN = MADE.chain
GOOD = next_block(MADE)
HEADER = GOOD.header
CONTEXT = child_context(SPEC.difficulty, CHAIN.head.header, CHAIN.head.context, HEADER)
STATE = CHAIN.tree.state(CHAIN.head.header.state_root)
PAID = own_payment(SPEC, HEADER, CONTEXT)
SETTING = Setting(SPEC, puzzle_of(SPEC), HEADER, CHAIN.head.header.mix_hash, (PAID,))
OUTCOME = execute(SETTING, STATE, ())


def test_outcome_of_a_good_block() -> None:
    check_body(HEADER, ())
    check_outcome(HEADER, OUTCOME)
    before = STATE.account(HEADER.beneficiary) or Account()
    CHAIN.accept(GOOD, HEADER.timestamp)
    after = CHAIN.tree.state(HEADER.state_root).account(HEADER.beneficiary)
    assert after is not None
    assert after.balance - before.balance == PAID.amount > 0
    assert replace(after, balance=0) == replace(before, balance=0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"gas_used": 1}, WrongGasUsed),
        ({"receipts_root": bytes(32)}, WrongReceiptsRoot),
        ({"logs_bloom": bytes(255) + b"\1"}, WrongLogsBloom),
        ({"state_root": EMPTY_TRIE_ROOT}, WrongStateRoot),
    ],
)
def test_false_claims(changes: dict[str, object], error: type[ExecutionError]) -> None:
    with pytest.raises(error):
        check_outcome(replace(HEADER, **changes), OUTCOME)  # type: ignore[arg-type]


def test_bodies() -> None:
    with pytest.raises(WrongBody):
        check_body(HEADER, (TRANSACTION,))
    with pytest.raises(InvalidTransaction):
        execute(SETTING, STATE, (TRANSACTION,))


def test_paying_nothing_touches_nothing() -> None:
    nothing = replace(SETTING, payments=(Payment(bytes(20), bytes(20), 0),))
    assert execute(nothing, memory_store(SPEC).state(EMPTY_TRIE_ROOT), ()).state.root == EMPTY_TRIE_ROOT


def test_what_execution_cannot_count_is_refused_by_name() -> None:
    rich = replace(SETTING, payments=(Payment(bytes(20), bytes(20), MAX_UINT256),) * 2)
    with pytest.raises(NotExecutable, match="2\\^256 wei"):
        execute(rich, STATE, ())
    dear = replace(SETTING, header=replace(HEADER, base_fee_per_gas=1 << 64))
    with pytest.raises(NotExecutable, match="base fee"):
        execute(dear, STATE, ())


def test_genesis() -> None:
    store = memory_store(SPEC)
    accounts = tuple(
        GenesisAccount(name * 20, AccountChange(nonce, balance))
        for name, nonce, balance in ((b"a", 0, 5), (b"b", 1, 7), (b"c", 0, 0))
    )
    update = genesis_state(replace(SPEC, alloc=accounts), store.state(EMPTY_TRIE_ROOT))
    fewer = genesis_state(replace(SPEC, alloc=accounts[:2]), store.state(EMPTY_TRIE_ROOT))
    assert update.root == fewer.root != EMPTY_TRIE_ROOT  # an empty account is none
    header = genesis_header(SPEC, update.root)
    assert header.mix_hash == SPEC.digest
    assert (header.number, header.difficulty, header.state_root) == (0, 0, update.root)
    assert header.parent_hash == bytes(32)


def test_a_genesis_account_with_code_and_storage() -> None:
    slot, value = bytes(31) + b"\1", bytes(31) + b"\7"
    contract = GenesisAccount(b"c" * 20, AccountChange(1, 0, b"\x60\x00", {slot: value, bytes(32): bytes(32)}))
    store = memory_store(replace(SPEC, alloc=(contract,)))
    chain = Chain.open(replace(SPEC, alloc=(contract,)), store, puzzle_of(SPEC))
    state = chain.tree.state(chain.head.header.state_root)
    assert isinstance(state, StoredState)
    account = state.account(contract.address)
    assert account is not None and account.nonce == 1
    assert state.code(account.code_hash) == b"\x60\x00"
    assert (state.storage(contract.address, slot), state.storage(contract.address, bytes(32))) == (value, bytes(32))
    stored = {keccak256(slot): rlp.encode(b"\7")}
    assert account.storage_root == trie.root(stored)


def test_empty_accounts() -> None:
    assert keccak256(b"") == EMPTY_CODE_HASH
    assert Account().is_empty
    assert not Account(balance=1).is_empty
    assert not Account(nonce=1).is_empty
    assert not Account(code_hash=bytes(32)).is_empty


def test_a_body_that_no_block_can_hold_costs_no_trie(monkeypatch: pytest.MonkeyPatch) -> None:
    most = HEADER.gas_limit // 21_000
    bodies = [(b"\x02\xc0",) * count for count in (most, most + 1)]
    committed = [replace(HEADER, transactions_root=transactions_root(body)) for body in bodies]
    check_body(committed[0], bodies[0])
    monkeypatch.setattr("quip.consensus.execution.transition.transactions_root", None)
    with pytest.raises(WrongBody):
        check_body(committed[1], bodies[1])


def test_a_body_under_the_empty_root_costs_no_trie(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(_: object) -> bytes:
        raise AssertionError("a trie was built")

    monkeypatch.setattr("quip.consensus.execution.transition.transactions_root", built)
    assert HEADER.transactions_root == EMPTY_TRIE_ROOT
    with pytest.raises(WrongBody):
        check_body(HEADER, (b"\x02\xc0",) * 1_000)


def nested(depth: int) -> bytes:
    """A legacy transaction: so many lists within each other."""
    item: rlp.Item = b"\x01"
    for _ in range(depth):
        item = [item]
    return rlp.encode(item)


@pytest.mark.parametrize(
    ("transaction", "lawful"),
    [(nested(30), True), (nested(31), False), (rlp.encode([b"\x01"] * 1_000), True)],
)
def test_what_a_block_cannot_hold_is_no_body(transaction: bytes, lawful: bool) -> None:
    """The limits of RLP are the same whether a body comes with its block or by itself."""
    header = replace(HEADER, transactions_root=transactions_root((transaction,)))
    whole = rlp.list_of([header.encode(), rlp.list_of([transaction]), rlp.encode([]), rlp.encode([])])
    if lawful:
        check_body(header, (transaction,))
        assert Block.decode(whole).transactions == (transaction,)
        return
    with pytest.raises(WrongBody, match="no block can hold"):
        check_body(header, (transaction,))
    with pytest.raises(MalformedBlock, match="nested too deeply"):
        Block.decode(whole)


def test_a_body_of_too_many_items() -> None:
    wide = rlp.encode([b"\x01"] * (1 << 17))
    for count, lawful in ((1, True), (2, False)):
        header = replace(HEADER, transactions_root=transactions_root((wide,) * count))
        if lawful:
            check_body(header, (wide,) * count)
        else:
            with pytest.raises(WrongBody, match="no block can hold"):
                check_body(header, (wide,) * count)
