"""`quip._native.evm`: what the crate's own tests show of execution, seen from Python, on a store's state."""

from __future__ import annotations

import pytest

from quip._native import evm, ising, state
from quip._native import store as native_store
from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_TRIE_ROOT
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.storage.state import DEFAULT_LIMITS
from support.places import OUTSIDE

EXAMPLE = bytes.fromhex(
    "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080"
    "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"
    "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
)
"""The signed transaction of EIP-155: nonce 9, 20 gwei a gas, 21,000 gas, 10^18 wei, chain 1."""
SENDER = bytes.fromhex("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f")
RECIPIENT = b"\x35" * 20
BENEFICIARY = b"\xbe" * 20
ETHER, GAS, PRICE, BASE_FEE = 10**18, 21_000, 20 * 10**9, 10**9
WEALTH = 2 * ETHER

Accounts = dict[bytes, tuple[int, int]]


def kept(states: state.States, accounts: Accounts) -> bytes:
    """The root of a state with these (nonce, balance), that of the first block."""
    slots: list[tuple[bytes, bytes]] = []
    changes = [(who, nonce, wei, EMPTY_CODE_HASH, slots) for who, (nonce, wei) in accounts.items()]
    update = states.update(EMPTY_TRIE_ROOT, changes, [])
    states.commit([], [], [(0, update.root, bytes(32), update, True)])
    return update.root


def memory() -> state.States:
    return DEFAULT_LIMITS.open(native_store.Store.in_memory())


def block(payments: list[tuple[bytes, int]] | None = None, chain_id: int = 1) -> evm.Block:
    environment = evm.Environment((5, b"\x04" * 32, BENEFICIARY, 1_000, 30_000_000, BASE_FEE, b"\x07" * 32))
    return evm.Block(evm.Rules("osaka", chain_id), environment, payments or [])


def example() -> evm.Transaction:
    (found,) = evm.recover([EXAMPLE])
    assert isinstance(found, evm.Transaction)
    return found


@pytest.fixture
def parent() -> evm.Parent:
    states = memory()
    return evm.Parent(states, kept(states, {SENDER: (9, WEALTH)}))


def test_a_transaction_says_who_signed_it() -> None:
    found = example()
    assert (found.sender, found.kind, found.encoded) == (SENDER, 0, EXAMPLE)
    assert found.hash == keccak256(EXAMPLE)
    assert found.intrinsic_gas(evm.Rules("osaka", 1)) == GAS


def test_many_are_recovered_in_order_each_by_itself() -> None:
    found = evm.recover([EXAMPLE, b"", b"\x03", *[EXAMPLE] * 100, EXAMPLE[:-1]])
    assert [isinstance(one, evm.Transaction) for one in found] == [True, False, False, *[True] * 100, False]
    assert found[1] == "malformed: no bytes"
    assert found[2] == "transaction type 0x03 is not supported"
    assert evm.recover([]) == []


def test_a_transaction_is_read_without_a_look_at_its_signature() -> None:
    good, nothing = evm.decode([EXAMPLE, b""])
    assert isinstance(good, evm.Decoded)
    assert nothing == "malformed: no bytes"
    assert (good.hash, good.kind, good.size, good.chain_id) == (keccak256(EXAMPLE), 0, len(EXAMPLE), 1)
    assert (good.nonce, good.gas_limit, good.value) == (9, GAS, ETHER)
    assert (good.max_fee_per_gas, good.max_priority_fee_per_gas) == (PRICE, PRICE)
    assert (good.data_size, good.creates, good.authorizations) == (0, False, 0)
    assert good.initial_gas(evm.Rules("osaka", 1)) == (GAS, GAS)
    assert good.initial_gas(evm.Rules("shanghai", 1)) == (GAS, 0)


def test_what_is_read_is_recovered_as_its_bytes_are() -> None:
    forged = EXAMPLE[:-32] + b"\xff" * 32
    read = [one for one in evm.decode([EXAMPLE, forged, *[EXAMPLE] * 100]) if isinstance(one, evm.Decoded)]
    good, bad, *others = evm.recover_decoded(read)
    assert isinstance(good, evm.Transaction)
    assert (good.sender, good.encoded, good.authorities) == (SENDER, EXAMPLE, [])
    assert isinstance(bad, str)
    assert bad.startswith("invalid signature")
    assert len(others) == 100
    assert all(isinstance(one, evm.Transaction) and one.sender == SENDER for one in others)
    assert evm.recover_decoded([]) == []


def test_a_block_pays_whom_it_should(parent: evm.Parent) -> None:
    executed = evm.verify(parent, block([(BENEFICIARY, 7)]), [example()])
    tip = (PRICE - BASE_FEE) * GAS
    assert (executed.gas_used, executed.fees) == (GAS, tip)
    sender = (10, WEALTH - ETHER - PRICE * GAS)
    expected = kept(memory(), {SENDER: sender, RECIPIENT: (0, ETHER), BENEFICIARY: (0, tip + 7)})
    assert executed.root == executed.state.root == expected
    receipt: list[rlp.Item] = [b"\x01", rlp.int_to_bytes(GAS), EMPTY_BLOOM, []]
    assert rlp.decode(executed.receipts) == [receipt]
    assert executed.logs_bloom == EMPTY_BLOOM
    assert executed.receipts_root == state.trie_root([(rlp.encode(b""), rlp.encode(receipt))])


def test_a_block_without_transactions_only_pays(parent: evm.Parent) -> None:
    executed = evm.verify(parent, block([(SENDER, 1)]), [])
    assert executed.root == kept(memory(), {SENDER: (9, WEALTH + 1)})
    assert (executed.receipts_root, executed.receipts) == (EMPTY_TRIE_ROOT, rlp.encode([]))


def test_an_unlawful_transaction_spoils_the_block_and_is_left_out_of_a_built_one(parent: evm.Parent) -> None:
    twice = [example(), example()]
    with pytest.raises(evm.InvalidTransaction, match="nonce 9 too low, expected 10") as caught:
        evm.verify(parent, block(), twice)
    assert caught.value.index == 1
    with pytest.raises(evm.InvalidTransaction, match="invalid chain ID"):
        evm.verify(parent, block(chain_id=2), twice)
    executed, places, root, skipped = evm.build(parent, block(), twice, 1 << 20, 60_000)
    assert (places, skipped) == ([0], [(1, "nonce 9 too low, expected 10")])
    assert root == state.trie_root([(rlp.encode(b""), EXAMPLE)])
    assert executed.root == evm.verify(parent, block(), twice[:1]).root


def test_a_raised_flag_ends_it(parent: evm.Parent) -> None:
    flag = ising.CancelFlag()
    flag.set()
    with pytest.raises(evm.Cancelled):
        evm.verify(parent, block(), [example()], flag)
    with pytest.raises(evm.Cancelled):
        evm.build(parent, block(), [example()], 1 << 20, 60_000, flag)


def test_what_no_header_holds_is_refused(parent: evm.Parent) -> None:
    with pytest.raises(ValueError, match="evm fork"):
        evm.Rules("amsterdam", 1)
    with pytest.raises(ValueError, match="base fee"):
        evm.Environment((5, bytes(32), BENEFICIARY, 1_000, 30_000_000, 1 << 64, bytes(32)))
    with pytest.raises(ValueError, match="2\\^256"):
        evm.verify(parent, block([(SENDER, (1 << 256) - 1)]), [])


def test_a_state_that_is_not_there_is_missing() -> None:
    nowhere = evm.Parent(memory(), b"\x01" * 32)
    with pytest.raises(native_store.StateMissing, match="missing trie node"):
        evm.verify(nowhere, block(), [example()])


@pytest.mark.skipif(not (OUTSIDE / "ethereum").is_dir(), reason="cargo test had no published EVM tests to run")
def test_published_cases_are_there_for_cargo_test() -> None:
    """What crates/evm/tests read: a run without them shows as a skip here."""
    for folder in ("GeneralStateTests", "TransactionTests", "BlockchainTests/ValidBlocks"):
        assert list((OUTSIDE / "ethereum" / folder).rglob("*.json")), folder
