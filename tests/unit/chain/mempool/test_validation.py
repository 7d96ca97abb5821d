"""What is refused without a look at the account: a lawful neighbour for each rule, and the texts that programs read."""

import pytest

from quip.chain.mempool.errors import PoolError, Refused, Unlawful
from quip.chain.mempool.limits import MAX_TRANSACTION_BYTES
from quip.chain.mempool.pooled import PooledTransaction
from quip.consensus.types.transaction import MAX_INIT_CODE_BYTES, MAX_NONCE, type_of
from quip.primitives.errors import Fault
from support.pool_wallets import CHAIN_ID, GWEI, TRANSFER_GAS, Accounts, Fields, new_pool, wallet

ANNE = wallet("anne")
AUTHORIZATION = wallet("bert").authorize(b"\x07" * 20, 0)
SLOT = bytes(32)

LAWFUL: dict[str, Fields] = {
    "legacy": {"kind": 0},
    "access list": {"kind": 1, "slots": [SLOT], "gas": TRANSFER_GAS + 2_400 + 1_900},
    "dynamic fee": {},
    "set code": {"kind": 4, "gas": TRANSFER_GAS + 25_000, "authorizations": [AUTHORIZATION]},
    "the most gas": {"gas": 1 << 24},
    "all of it tip": {"fee": GWEI, "tip": GWEI},
    "the largest init code": {"to": b"", "data": bytes(MAX_INIT_CODE_BYTES), "gas": 1 << 24},
    "gas at the floor": {"data": b"\x01" * 100, "gas": TRANSFER_GAS + 40 * 100},
    "the last nonce": {},
}

REFUSED: dict[str, tuple[Fields, type[PoolError], str]] = {
    "another chain": (
        {"chain_id": CHAIN_ID + 1}, Unlawful, f"invalid chain id for signer: have {CHAIN_ID + 1} want {CHAIN_ID}",
    ),
    "every chain": ({"kind": 0, "chain_id": None}, Unlawful, "only replay-protected (EIP-155) transactions allowed"),
    "too much gas": (
        {"gas": (1 << 24) + 1}, Unlawful, "transaction gas limit too high (cap: 16777216, tx: 16777217)",
    ),
    "too much init code": (
        {"to": b"", "data": bytes(MAX_INIT_CODE_BYTES + 1), "gas": 1 << 24}, Unlawful,
        "max initcode size exceeded: code size 49153, limit 49152",
    ),
    "too little gas": ({"gas": 20_999}, Unlawful, "intrinsic gas too low: gas 20999, minimum needed 21000"),
    "too little for its slots": (
        {"kind": 1, "slots": [SLOT], "gas": 25_299}, Unlawful, "intrinsic gas too low: gas 25299, minimum needed 25300",
    ),
    "too little for its bytes": (
        {"data": b"\x01" * 100, "gas": 24_999}, Unlawful,
        "insufficient gas for floor data gas cost: gas 24999, minimum needed 25000",
    ),
    "more tip than fee": (
        {"fee": 1, "tip": 2}, Unlawful,
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: 2, maxFeePerGas: 1",
    ),
    "authorizes nothing": (
        {"kind": 4, "authorizations": []}, Unlawful, "set code tx must have at least one authorization tuple",
    ),
    "no tip": (
        {"tip": 0}, Refused, "transaction gas price below minimum: gas tip cap 0, minimum needed 1",
    ),
    "more gas than a block": (
        {"gas": 8_000_001}, Refused, "exceeds block gas limit: gas 8000001, limit 8000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fields", LAWFUL.values(), ids=LAWFUL)
def test_lawful_ones_are_let_in(fields: Fields) -> None:
    pool = new_pool()
    (found,) = pool.add([ANNE.sign(0, **fields)])
    assert isinstance(found, PooledTransaction), str(found)
    assert (found.sender, found.kind, found.nonce) == (ANNE.address, fields.get("kind", 2), 0)
    assert found.cost == found.max_fee * found.gas_limit


@pytest.mark.parametrize(("fields", "kind", "text"), REFUSED.values(), ids=REFUSED)
def test_others_are_refused_with_the_rule_named(fields: Fields, kind: type[PoolError], text: str) -> None:
    pool = new_pool(Accounts(gas_limit=8_000_000 if kind is Refused else 30_000_000))
    (found,) = pool.add([ANNE.sign(0, **fields)])
    assert isinstance(found, kind)
    assert str(found) == text
    assert found.fault is (Fault.AT_FAULT if kind is Unlawful else Fault.EARLY)
    assert len(pool) == 0


def test_the_last_nonce_can_not_be_counted_on() -> None:
    pool = new_pool()
    first, second = pool.add([ANNE.sign(MAX_NONCE), ANNE.sign(MAX_NONCE + 1)])
    assert isinstance(first, PooledTransaction)
    assert str(second) == f"nonce has max value: {MAX_NONCE + 1}"


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (b"", "malformed transaction: no transaction begins so"),
        (b"\x81\x80", "malformed transaction: no transaction begins so"),
        (b"\x02", "malformed transaction: malformed: "),
        (b"\x02\xc0", "malformed transaction: malformed: "),
        (ANNE.sign(0)[:-1], "malformed transaction: malformed: "),
        (ANNE.sign(0) + b"\0", "malformed transaction: malformed: "),
        (b"\x03\xc0", "transaction type not supported: tx type 3 not supported by this pool"),
        (b"\x51\xc0", "transaction type not supported: tx type 81 not supported by this pool"),
        (b"\xc0", "malformed transaction: malformed: "),
    ],
)
def test_bytes_that_are_no_transaction(encoded: bytes, text: str) -> None:
    (found,) = new_pool().add([encoded])
    assert isinstance(found, Unlawful)
    assert str(found).startswith(text)


def test_what_is_too_long_is_not_read() -> None:
    room = MAX_TRANSACTION_BYTES - len(ANNE.sign(0, data=bytes(100_000), gas=1 << 24)) + 100_000
    most, more = ANNE.sign(0, data=bytes(room), gas=1 << 24), ANNE.sign(1, data=bytes(room + 1), gas=1 << 24)
    assert len(most) == MAX_TRANSACTION_BYTES
    first, second = new_pool().add([most, more])
    assert isinstance(first, PooledTransaction), str(first)
    assert str(second) == f"oversized data: transaction size {MAX_TRANSACTION_BYTES + 1}, limit {MAX_TRANSACTION_BYTES}"


def test_a_signature_that_nobody_made() -> None:
    encoded = ANNE.sign(0)
    broken = encoded[:-1] + bytes([encoded[-1] ^ 1])
    high_s = encoded[:-32] + b"\xff" * 32
    forged, high, good = new_pool().add([broken, high_s, encoded])
    assert isinstance(good, PooledTransaction)
    assert str(high).startswith("invalid sender: ")
    # Another s is the signature of some other key: a stranger without an account on a real chain.
    assert not isinstance(forged, PooledTransaction) or forged.sender != ANNE.address


def test_types_are_told_by_the_first_byte() -> None:
    assert [type_of(bytes([first])) for first in (0x00, 0x02, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)] == [
        0, 2, 0x7F, None, None, 0, 0,
    ]  # fmt: skip
    assert type_of(b"") is None
