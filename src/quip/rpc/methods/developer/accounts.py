"""Signing for the accounts that everybody has the keys of."""

import json
from collections.abc import Mapping
from typing import Any

from quip.consensus.execution.gas import next_base_fee
from quip.consensus.execution.simulation import BlockOverride
from quip.primitives.address import AddressError, parse_address
from quip.rpc.calls import eth_call
from quip.rpc.calls.call_params import call_request
from quip.rpc.encoding import data
from quip.rpc.errors import CallFailed
from quip.rpc.methods import eth_transactions
from quip.rpc.methods.developer.blocks import developer
from quip.rpc.params import LATEST, BadArgument, BlockRef
from quip.rpc.view import RpcView
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.errors import BadTransaction

TIP = 10**9
"""Wei a gas that is offered where the caller names no fees."""
PENDING = BlockRef(tag="pending")
_KNOWN = frozenset(
    (
        "from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "data", "input", "nonce",
        "accessList", "type", "chainId",
    )
)  # fmt: skip


def send_transaction(view: RpcView, given: Mapping[str, Any]) -> str:
    """Signs for one of the chain's accounts, and sends: the hash of a transaction of type 2."""
    sender = _sender(given)
    signed = developer(view).sign_transaction(sender, _request(view, sender, given))
    return eth_transactions.send_raw(view, signed)


def sign(view: RpcView, address: bytes, message: bytes) -> str:
    """Signs a message (EIP-191): 65 bytes."""
    return data(developer(view).sign_message(address, message))


def personal_sign(view: RpcView, message: bytes, address: bytes, _password: object) -> str:
    """The same with its arguments the other way round."""
    return sign(view, address, message)


def sign_typed_data(view: RpcView, address: bytes, document: object) -> str:
    """Signs typed data (EIP-712), an object or its text: 65 bytes."""
    try:
        found = json.loads(document) if isinstance(document, str) else document
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise CallFailed("typed data: not an object, nor the text of one")
    return data(developer(view).sign_typed_data(address, found))


def _sender(given: Mapping[str, Any]) -> bytes:
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise CallFailed(f"unknown fields {', '.join(unknown)}: known are {', '.join(sorted(_KNOWN))}")
    try:
        return parse_address(str(given.get("from")))
    except AddressError as error:
        raise CallFailed(f"from: {error}") from None


def _request(view: RpcView, sender: bytes, given: Mapping[str, Any]) -> TransactionRequest:
    """With what the caller left out."""
    fields = {name: value for name, value in given.items() if value is not None and name != "input"}
    fields["to"] = given.get("to")
    if given.get("input") is not None:
        fields["data"] = given["input"]
    price = fields.pop("gasPrice", None)
    if price is not None:
        fields.update(maxFeePerGas=price, maxPriorityFeePerGas=price)
    fields.pop("type", None)
    head = view.head_header()
    tip = fields.setdefault("maxPriorityFeePerGas", TIP)
    if "maxFeePerGas" not in fields:
        fields["maxFeePerGas"] = 2 * next_base_fee(head) + _whole(tip)
    if "nonce" not in fields:
        fields["nonce"] = _next_nonce(view, sender)
    if "gas" not in fields:
        fields["gas"] = _gas(view, given)
    fields.setdefault("chainId", view.spec.chain_id)
    try:
        return TransactionRequest.parse(json.dumps(fields))
    except BadTransaction as error:
        raise CallFailed(f"{error.message}: {error.hint}") from None


def _gas(view: RpcView, given: Mapping[str, Any]) -> int:
    """What the transaction takes in the next block. Raises CallReverted where it would fail."""
    try:
        asked = call_request({name: value for name, value in given.items() if name not in ("type", "nonce")})
    except BadArgument as error:
        raise CallFailed(f"transaction: {error}") from None
    return int(eth_call.estimate_gas(view, asked, PENDING, {}, BlockOverride()), 16)


def _next_nonce(view: RpcView, sender: bytes) -> int:
    account = view.state(LATEST).account(sender)
    return max(0 if account is None else account.nonce, view.node.pool.next_nonce(sender) or 0)


def _whole(value: object) -> int:
    """A fee, however it is written; what it is not, the request's parser says."""
    try:
        return int(value, 0) if isinstance(value, str) else int(str(value))
    except ValueError:
        return 0
