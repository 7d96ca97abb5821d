"""What classical accounts sign, and whose signature something is: transactions of type 2, messages (EIP-191).

Transactions are eth-account's; the signatures are libsecp256k1's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eth_abi.exceptions import EncodingError as ABIError
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from quip.primitives import ecdsa, rlp
from quip.primitives.address import parse_address
from quip.primitives.hashes import keccak256
from quip.primitives.recursion import recursion_limit_kept
from quip.primitives.signature_errors import MalformedSignature, SignatureError
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.errors import BadTransaction

with recursion_limit_kept():
    from eth_account import Account
    from eth_account.messages import encode_typed_data
    from eth_account.typed_transactions.typed_transaction import TypedTransaction

_MESSAGE_PREFIX = b"\x19Ethereum Signed Message:\n"
_BLOB = 3
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What eth-account raises on a document that is not of the form that it expects."""
_LIST = 0xC0


def sign_transaction(secret: bytes, request: TransactionRequest) -> bytes:
    """The signed transaction of type 2 (EIP-1559), as eth_sendRawTransaction takes it."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": request.chain_id,
        "nonce": request.nonce,
        "maxPriorityFeePerGas": request.max_priority_fee_per_gas,
        "maxFeePerGas": request.max_fee_per_gas,
        "gas": request.gas,
        "to": request.to,
        "value": request.value,
        "data": request.data,
        "accessList": [
            {"address": f"0x{account.hex()}", "storageKeys": [f"0x{key.hex()}" for key in keys]}
            for account, keys in request.access_list
        ],
    }
    signature = ecdsa.sign(secret, TypedTransaction.from_dict(fields).hash())
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    return TypedTransaction.from_dict({**fields, "v": signature[64], "r": r, "s": s}).encode()


def sender_of(raw: bytes) -> bytes:
    """Who signed a transaction of type 0, 1, 2 or 4: an address of 20 bytes. Raises BadTransaction."""
    hint = "give the hex of a whole signed transaction"
    if raw[:1] == bytes([_BLOB]):
        raise BadTransaction("blobs are no part of this chain", hint)
    try:
        sender = parse_address(Account.recover_transaction(raw))
        fields: Any = rlp.decode(raw if raw[0] >= _LIST else raw[1:])
    except (RLPException, BadSignature, ValidationError, ValueError, TypeError) as error:
        raise BadTransaction(str(error).partition("\n")[0][:200], hint) from None
    if raw[0] < _LIST and fields[-3] not in (b"", b"\1"):  # eth-account takes 35 and 36 for 0 and 1
        raise BadTransaction("the parity of y is neither 0 nor 1", hint)
    if int.from_bytes(fields[-1], "big") > ecdsa.HALF_ORDER:  # s is the last field of each of these types
        raise BadTransaction("s is above half the group order", "sign it again: no chain takes this one")
    return sender


def hash_of(raw: bytes) -> bytes:
    """By which the chain knows a transaction: 32 bytes."""
    return keccak256(raw)


def sign_message(secret: bytes, message: bytes) -> bytes:
    """r || s || v with v of 27 or 28 (EIP-191, version 0x45), as personal_sign gives it: 65 bytes."""
    signature = ecdsa.sign(secret, message_digest(message))
    return signature[:64] + bytes([27 + signature[64]])


def sign_typed_data(secret: bytes, document: Mapping[str, Any]) -> bytes:
    """The same of typed data (EIP-712): types, primaryType, domain and message. Raises BadTransaction."""
    try:
        signable = encode_typed_data(full_message=dict(document))
    except (*_MALFORMED, ABIError, ValidationError) as error:
        raise BadTransaction(f"typed data: {error}"[:200], "give types, primaryType, domain and message") from None
    digest = keccak256(b"\x19" + signable.version + signable.header + signable.body)
    signature = ecdsa.sign(secret, digest)
    return signature[:64] + bytes([27 + signature[64]])


def signer_of_message(message: bytes, signature: bytes) -> bytes:
    """Who signed a message: an address of 20 bytes. Raises a SignatureError."""
    if len(signature) != ecdsa.SIGNATURE_BYTES:
        raise MalformedSignature(f"signature of {len(signature)} bytes, want {ecdsa.SIGNATURE_BYTES}")
    v = signature[64] - 27 if signature[64] >= 27 else signature[64]
    if v not in (0, 1):
        raise SignatureError(f"v is {signature[64]}, want 27 or 28")
    return ecdsa.address(ecdsa.recover(signature[:64] + bytes([v]), message_digest(message)))


def message_digest(message: bytes) -> bytes:
    """What a signature of a message signs: 32 bytes."""
    return keccak256(_MESSAGE_PREFIX + str(len(message)).encode() + message)
