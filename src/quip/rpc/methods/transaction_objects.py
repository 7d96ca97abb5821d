"""Transactions as JSON objects: those of types 0, 1, 2 and 4, with go-ethereum's fields in go-ethereum's order.

Signatures are not looked at here: whoever made the `SignedTransaction` has recovered its sender.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from quip.consensus.types.header import Header
from quip.consensus.types.transaction import SignedTransaction
from quip.primitives import rlp
from quip.rpc.encoding import data, quantity, word

LEGACY, DYNAMIC_FEE, SET_CODE = 0, 2, 4
_REPLAY_PROTECTED = 35
"""EIP-155: v = 35 + parity + 2 * chain id."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transaction says."""

    kind: int
    chain_id: int | None
    """None: of every chain."""
    nonce: int
    max_fee: int
    """Wei a gas, base fee included; of types 0 and 1 the gas price."""
    max_tip: int
    """Wei a gas to the beneficiary; of types 0 and 1 the gas price."""
    gas: int
    to: bytes
    """20 bytes; empty: makes a contract."""
    value: int
    data: bytes
    access_list: list[Any] | None
    """[account, [slot, ...]] each; None: its type has none."""
    authorizations: list[Any] | None
    """[chain id, address, nonce, parity, r, s] each; None: its type has none."""
    signature: tuple[int, int, int]
    """(v or parity, r, s)."""

    def effective_price(self, base_fee: int) -> int:
        """Wei a gas that it pays in a block of that base fee."""
        return min(self.max_fee, base_fee + self.max_tip)

    def tip(self, base_fee: int) -> int:
        """Wei a gas that the beneficiary gets in such a block."""
        return min(self.max_fee - base_fee, self.max_tip)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction is."""

    header: Header
    """Of its block."""
    index: int
    """0 for the block's first."""


def terms_of(kind: int, encoded: bytes) -> Terms:
    """What a lawful transaction's encoding says."""
    items: Any = rlp.decode(encoded if kind == LEGACY else encoded[1:])
    number = rlp.bytes_to_int
    *items, v, r, s = items
    signature = number(v), number(r), number(s)
    chain_id: int | None
    if kind == LEGACY:
        protected = signature[0] >= _REPLAY_PROTECTED
        chain_id = (signature[0] - _REPLAY_PROTECTED) // 2 if protected else None
    else:
        chain_id = number(items.pop(0))
    nonce = number(items.pop(0))
    max_tip = number(items.pop(0))
    max_fee = number(items.pop(0)) if kind in (DYNAMIC_FEE, SET_CODE) else max_tip
    gas, to, value, content, *more = items
    return Terms(
        kind, chain_id, nonce, max_fee, max_tip, number(gas), to, number(value), content,
        access_list=more[0] if kind != LEGACY else None,
        authorizations=more[1] if kind == SET_CODE else None,
        signature=signature,
    )  # fmt: skip


def transaction_object(transaction: SignedTransaction, place: Place | None = None) -> dict[str, Any]:
    """A transaction, where it is (None: in no block), and who signed it."""
    terms = terms_of(transaction.kind, transaction.encoded)
    header = None if place is None else place.header
    price = terms.max_fee if header is None else terms.effective_price(header.base_fee_per_gas)
    v, r, s = terms.signature
    fields: dict[str, Any] = {
        "blockHash": None if header is None else data(header.hash),
        "blockNumber": None if header is None else quantity(header.number),
        "blockTimestamp": None if header is None else quantity(header.timestamp),
        "from": data(transaction.sender),
        "gas": quantity(terms.gas),
        "gasPrice": quantity(price),
    }
    if terms.kind in (DYNAMIC_FEE, SET_CODE):
        fields |= {"maxFeePerGas": quantity(terms.max_fee), "maxPriorityFeePerGas": quantity(terms.max_tip)}
    fields |= {
        "hash": data(transaction.hash),
        "input": data(terms.data),
        "nonce": quantity(terms.nonce),
        "to": data(terms.to) if terms.to else None,
        "transactionIndex": None if place is None else quantity(place.index),
        "value": quantity(terms.value),
        "type": quantity(terms.kind),
    }
    if terms.access_list is not None:
        fields["accessList"] = [_access(*access) for access in terms.access_list]
    if terms.chain_id is not None:
        fields["chainId"] = quantity(terms.chain_id)
    if terms.authorizations is not None:
        fields["authorizationList"] = [_authorization(one) for one in terms.authorizations]
    fields |= {"v": quantity(v), "r": quantity(r), "s": quantity(s)}
    if terms.kind != LEGACY:
        fields["yParity"] = quantity(v)
    return fields


def _access(account: bytes, slots: Sequence[bytes]) -> dict[str, Any]:
    return {"address": data(account), "storageKeys": [data(slot) for slot in slots]}


def _authorization(items: Sequence[bytes]) -> dict[str, str]:
    chain_id, address, nonce, parity, r, s = items
    return {
        "chainId": word(chain_id),
        "address": data(address),
        "nonce": word(nonce),
        "yParity": word(parity),
        "r": word(r),
        "s": word(s),
    }
