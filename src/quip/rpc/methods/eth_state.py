"""eth_*: accounts, code and storage after a block. A state that is not kept any more raises StateMissing.

`pending` is the state of the head: what the pool has changes no account before a block has it, except the next nonce.
"""

from typing import Any

from quip.consensus.types.account_state import EMPTY_CODE_HASH, Account
from quip.rpc.encoding import data, quantity, word
from quip.rpc.params import BlockRef
from quip.rpc.storage_params import StorageKey
from quip.rpc.view import RpcView
from quip.storage.state import StoredState


def balance(view: RpcView, address: bytes, reference: BlockRef) -> str:
    """Wei of an account."""
    return quantity(_account(view.state(reference), address).balance)


def transaction_count(view: RpcView, address: bytes, reference: BlockRef) -> str:
    """The nonce of an account's next transaction; at `pending` behind those that wait in the pool."""
    nonce = _account(view.state(reference), address).nonce
    if reference.tag == "pending":
        nonce = max(nonce, view.node.pool.next_nonce(address) or 0)
    return quantity(nonce)


def code(view: RpcView, address: bytes, reference: BlockRef) -> str:
    """The code of an account; of a delegated one the designator (EIP-7702)."""
    state = view.state(reference)
    return data(_code(state, _account(state, address)))


def storage_at(view: RpcView, address: bytes, key: StorageKey, reference: BlockRef) -> str:
    """A slot's 32 bytes."""
    return data(view.state(reference).storage(address, key.slot))


def storage_values(view: RpcView, requests: dict[bytes, list[bytes]], reference: BlockRef) -> dict[str, list[str]]:
    """Slots of several accounts, 32 bytes each."""
    state = view.state(reference)
    return {
        data(address): [data(state.storage(address, slot)) for slot in slots] for address, slots in requests.items()
    }


def proof(view: RpcView, address: bytes, keys: list[StorageKey], reference: BlockRef) -> dict[str, Any]:
    """The account and some slots, with the trie nodes that show them (EIP-1186)."""
    found = view.state(reference).prove(address, [key.slot for key in keys])
    account = found.account or Account()
    return {
        "address": data(address),
        "accountProof": [data(node) for node in found.nodes],
        "balance": quantity(account.balance),
        "codeHash": data(account.code_hash),
        "nonce": quantity(account.nonce),
        "storageHash": data(account.storage_root),
        "storageProof": [
            {
                "key": data(key.slot) if key.whole else word(key.slot),
                "value": word(value),
                "proof": [data(node) for node in nodes],
            }
            for key, (value, nodes) in zip(keys, found.slots, strict=True)
        ],
    }


def account(view: RpcView, address: bytes, reference: BlockRef) -> dict[str, str] | None:
    """The four fields that the state has of an account, or null."""
    found = view.state(reference).account(address)
    if found is None:
        return None
    return {
        "balance": quantity(found.balance),
        "nonce": quantity(found.nonce),
        "storageRoot": data(found.storage_root),
        "codeHash": data(found.code_hash),
    }


def account_info(view: RpcView, address: bytes, reference: BlockRef) -> dict[str, str]:
    """Balance, nonce and code in one answer."""
    state = view.state(reference)
    found = _account(state, address)
    return {"balance": quantity(found.balance), "nonce": quantity(found.nonce), "code": data(_code(state, found))}


def _account(state: StoredState, address: bytes) -> Account:
    return state.account(address) or Account()


def _code(state: StoredState, account: Account) -> bytes:
    return b"" if account.code_hash == EMPTY_CODE_HASH else state.code(account.code_hash)
