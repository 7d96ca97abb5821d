"""Blocks with transactions on the chain: executed, stored with their receipts, indexed, moved by reorganisations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.chain.ports import NO_RECEIPTS, ChainStore, Part, TransactionPlace
from quip.consensus.errors.body import InvalidTransaction
from quip.consensus.types.account_state import Account
from quip.consensus.types.block import Block, transactions_root
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.consensus.types.receipt import decode_receipts, receipts_root
from quip.node.full_verification import ChainVerifier
from quip.primitives.hashes import keccak256
from quip.storage.chain_store import RedbChainStore, for_network
from quip.storage.check import db_check
from quip.storage.reindex import reindex
from quip.storage.rewind import rewind
from quip.storage.state import StagedState
from sim.honest.chain_generator import ChainGenerator
from sim.liars.lies import Forger
from support.chains import generator, memory_store, new_chain, puzzle_of
from support.transactions import ETHER, HISTORY, address, recovered, rich_spec, signed

SPEC = rich_spec()
LOGGER = bytes.fromhex("602a5f5260205fa05f5ff3")
"""Init code: logs 32 bytes with 42 in them, deploys nothing."""
ASKER = bytes.fromhex("43600490034043600390034060205260005260405ff3")
"""Init code whose code is two hashes: of the blocks 4 and 3 below."""


def fresh(store: ChainStore | None = None) -> ChainGenerator:
    return generator(new_chain(SPEC, store))


def mined(made: ChainGenerator, *encoded: bytes, on: Head | None = None) -> Block:
    block = made.block(on or made.chain.head, (), recovered(*encoded))
    made.accept(block)
    return block


def head_at(chain: Chain, block_hash: bytes) -> Head:
    return Head(block_hash, *chain.tree.known(block_hash))


def account(chain: Chain, who: bytes) -> Account:
    return chain.tree.state(chain.head.header.state_root).account(who) or Account()


def place(chain: Chain, encoded: bytes) -> TransactionPlace | None:
    return chain.tree.reads.transaction(keccak256(encoded))


def test_a_block_with_transactions_is_mined_and_accepted_by_another_node() -> None:
    made = fresh()
    sent = [signed(0, 0), signed(0, 1, {"type": 0}), signed(1, 0, {"type": 1, "accessList": []})]
    sent.append(signed(2, 0, {"to": None, "data": LOGGER.hex(), "gas": 100_000}))
    block = mined(made, *sent)
    assert block.transactions == tuple(sent)
    other = new_chain(SPEC)
    other.accept(Block.decode(block.encode()), block.header.timestamp)
    for chain in (made.chain, other):
        assert chain.head.hash == block.header.hash
        assert account(chain, b"\x35" * 20).balance == 3
        assert (account(chain, address(0)).nonce, account(chain, address(2)).nonce) == (2, 1)
        assert [place(chain, one) for one in sent] == [TransactionPlace(chain.head.hash, index) for index in range(4)]
        stored = chain.tree.reads.encoded(Part.RECEIPTS, chain.head.hash)
        assert stored is not None and receipts_root(stored) == block.header.receipts_root
        receipts = decode_receipts(stored)
        assert [one.kind for one in receipts] == [2, 0, 1, 2]
        assert all(one.succeeded for one in receipts)
        assert receipts[-1].cumulative_gas_used == block.header.gas_used
        assert [log.data for log in receipts[-1].logs] == [(42).to_bytes(32, "big")]
        assert receipts[-1].bloom == block.header.logs_bloom
    assert made.chain.tree.reads.encoded(Part.RECEIPTS, made.chain.tree.canonical_hash(0) or b"") == NO_RECEIPTS
    assert made.chain.tree.reads.encoded(Part.RECEIPTS, bytes(32)) is None


def test_the_beneficiary_gets_the_tips_and_the_base_fee_is_burnt() -> None:
    made = fresh()
    block = made.block(made.chain.head, (), recovered(signed(0, 0)))
    without = replace(block.header, gas_used=0)
    before = account(made.chain, block.header.beneficiary).balance
    made.accept(block)
    spent = 1_000 * ETHER - account(made.chain, address(0)).balance
    tip, base_fee = 10**9, without.base_fee_per_gas
    assert spent == 1 + 21_000 * (tip + base_fee)
    stored = made.chain.block_by_hash(block.header.hash)
    assert stored is not None and stored.rewards is not None
    paid = sum(one.amount for one in stored.rewards.payments)
    assert account(made.chain, block.header.beneficiary).balance - before == 21_000 * tip + paid


def test_what_is_not_lawful_is_left_out_of_a_template_and_named() -> None:
    made = fresh()
    sent = [signed(0, 0), signed(0, 0, {"value": 2}), signed(1, 7), signed(2, 0, {"value": 2_000 * ETHER})]
    state = made.chain.tree.state(made.chain.head.header.state_root)
    assert state.account(address(2)) is not None
    block = mined(made, *sent, signed(3, 0))
    assert block.transactions == (sent[0], signed(3, 0))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ((signed(0, 1),), "transaction 0 of the block: nonce 1 too high, expected 0"),
        ((signed(0, 0), signed(0, 0)), "transaction 1 of the block: nonce 0 too low, expected 1"),
        ((signed(0, 0), b"\x03\xc0"), "transaction 1 of the block: transaction type 0x03 is not supported"),
        ((signed(0, 0, {"chainId": 1}),), "invalid chain ID"),
        ((signed(0, 0)[:-1],), "malformed"),
        ((signed(0, 0, {"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}),), "fee"),
    ],
)
def test_a_block_with_an_unlawful_transaction_is_invalid(body: tuple[bytes, ...], reason: str) -> None:
    made = fresh()
    forger = Forger(SPEC, puzzle_of(SPEC), 1)
    good = forger.child(made.chain, made.chain.head.header.timestamp + 1)
    header = replace(good.header, transactions_root=transactions_root(body))
    sealed = replace(forger.sealed(header), transactions=body)
    with pytest.raises(InvalidTransaction, match=reason):
        made.chain.accept(sealed, header.timestamp)
    assert made.chain.is_invalid(sealed.header.hash)
    assert made.chain.head.header.number == 0


def branch(made: ChainGenerator, on: Head, bodies: Sequence[Sequence[bytes]]) -> list[Block]:
    blocks = []
    for body in bodies:
        blocks.append(mined(made, *body, on=on))
        on = head_at(made.chain, blocks[-1].header.hash)
    return blocks


def test_a_reorganisation_moves_the_index_and_side_branches_keep_their_receipts() -> None:
    made = fresh()
    genesis = made.chain.head
    both, left, entered = signed(0, 0), signed(1, 0), signed(2, 0)
    old = branch(made, genesis, [[left], [both]])
    assert [place(made.chain, one) for one in (both, left, entered)] == [
        TransactionPlace(old[1].header.hash, 0), TransactionPlace(old[0].header.hash, 0), None,
    ]  # fmt: skip
    new = branch(made, genesis, [[both], [], [entered], []])
    assert made.chain.head.hash == new[-1].header.hash
    assert place(made.chain, both) == TransactionPlace(new[0].header.hash, 0)
    assert place(made.chain, entered) == TransactionPlace(new[2].header.hash, 0)
    assert place(made.chain, left) is None
    side = made.chain.tree.reads.encoded(Part.RECEIPTS, old[0].header.hash)
    assert side is not None and receipts_root(side) == old[0].header.receipts_root != EMPTY_TRIE_ROOT
    assert account(made.chain, address(1)).nonce == 0


def test_blocks_accepted_together_see_each_other() -> None:
    """Nonces, balances, the index, BLOCKHASH and the history contract of blocks that no store has yet."""
    made = fresh()
    blocks = [mined(made, signed(0, number)) for number in range(5)]
    blocks.append(mined(made, signed(1, 0, {"to": None, "data": ASKER.hex(), "gas": 200_000})))
    other = new_chain(SPEC)
    other.accept_many(blocks, blocks[-1].header.timestamp)
    assert other.head.hash == made.chain.head.hash
    state = other.tree.state(other.head.header.state_root)
    for number in range(1, 7):
        expected = other.tree.canonical_hash(number - 1)
        assert state.storage(HISTORY, (number - 1).to_bytes(32, "big")) == expected
    assert place(other, blocks[2].transactions[0]) == TransactionPlace(blocks[2].header.hash, 0)


def test_a_store_with_transactions_is_sound_reindexed_and_rewound(tmp_path: Path) -> None:
    path = tmp_path / "store.redb"
    store = for_network(native_store.Store.open(path), SPEC.chain_id)
    made = fresh(store)
    genesis = made.chain.head
    branch(made, genesis, [[signed(0, 0)], [signed(1, 0)]])
    blocks = branch(made, genesis, [[signed(1, 0)], [signed(0, 0), signed(0, 1)], [signed(2, 0)], []])
    head = made.chain.head.hash
    kept = {one: place(made.chain, one) for block in blocks for one in block.transactions}
    store.close()
    assert db_check(path, spec=SPEC).problems == ()
    damaged = native_store.Store.open(path)
    damaged.commit([], [("transactions", keccak256(signed(2, 0)))])
    damaged.commit([("receipts", blocks[1].header.hash, NO_RECEIPTS)], [])
    damaged.close()
    problems = "\n".join(db_check(path, spec=SPEC).problems)
    assert "does not name transaction" in problems and "do not match receiptsRoot" in problems
    assert "3 transactions are indexed, 4 are on the canonical chain" in problems

    def accepting(store: RedbChainStore) -> object:
        chain = Chain.open(SPEC, store, puzzle_of(SPEC))
        return lambda block: chain.accept(block, block.header.timestamp)

    reindex(path, SPEC.chain_id, accepting)  # type: ignore[arg-type]
    assert db_check(path, spec=SPEC).problems == ()
    again = RedbChainStore(native_store.Store.open(path))
    assert again.head() == head
    assert {one: again.transaction(keccak256(one)) for one in kept} == kept
    again.close()
    rewind(path, SPEC, 2)
    assert db_check(path, spec=SPEC).problems == ()
    back = RedbChainStore(native_store.Store.open(path))
    assert back.transaction(keccak256(signed(2, 0))) is None
    assert back.encoded(Part.RECEIPTS, blocks[2].header.hash) is None
    assert back.transaction(keccak256(signed(0, 1))) == TransactionPlace(blocks[1].header.hash, 1)
    back.close()


def test_a_chain_with_transactions_verifies_from_genesis() -> None:
    made = fresh()
    for number in range(3):
        mined(made, signed(0, number), signed(1, number, {"type": 0}))
    stored = [made.chain.block_by_number(number) for number in range(4)]
    blocks = [one.block for one in stored if one is not None]
    verifier = ChainVerifier(SPEC, puzzle_of(SPEC), StagedState.on_nothing())
    assert len(list(verifier.run(blocks, blocks[-1].header.timestamp))) == 4


def test_nothing_is_left_of_a_template_that_was_not_mined() -> None:
    made = fresh(memory_store(SPEC))
    made.block(made.chain.head, (), recovered(signed(0, 0)))
    assert account(made.chain, address(0)).nonce == 0
    assert place(made.chain, signed(0, 0)) is None
