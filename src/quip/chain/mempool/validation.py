"""What can be judged of a transaction without its signature and without its sender's account, cheapest first."""

from __future__ import annotations

from quip.chain.mempool.errors import (
    FloorGasTooLow,
    GasAboveBlock,
    GasAboveCap,
    InitCodeTooLarge,
    IntrinsicGasTooLow,
    MalformedTransaction,
    NoAuthorization,
    NonceMax,
    Oversized,
    PoolError,
    TipAboveFeeCap,
    TipTooLow,
    Unprotected,
    UnsupportedType,
    WrongChainId,
)
from quip.chain.mempool.limits import MAX_TRANSACTION_BYTES
from quip.consensus.types.transaction import (
    MAX_INIT_CODE_BYTES,
    MAX_NONCE,
    MAX_TRANSACTION_GAS,
    TRANSACTION_TYPES,
    DecodedTransaction,
    TransactionRules,
    type_of,
)

_SET_CODE = 4


def check_bytes(encoded: bytes) -> None:
    """Size and type. Raises Oversized, MalformedTransaction or UnsupportedType."""
    if len(encoded) > MAX_TRANSACTION_BYTES:
        raise Oversized(size=len(encoded), limit=MAX_TRANSACTION_BYTES)
    kind = type_of(encoded)
    if kind is None:
        raise MalformedTransaction("no transaction begins so")
    if kind not in TRANSACTION_TYPES:
        raise UnsupportedType(kind=kind)


def check_terms(decoded: DecodedTransaction, rules: TransactionRules, chain_id: int) -> None:
    """What holds for ever on this chain: whoever breaks it is at fault. Raises an Unlawful."""
    if decoded.chain_id is None:
        raise Unprotected()
    if decoded.chain_id != chain_id:
        raise WrongChainId(have=decoded.chain_id, want=chain_id)
    gas = decoded.gas_limit
    if gas > MAX_TRANSACTION_GAS:
        raise GasAboveCap(cap=MAX_TRANSACTION_GAS, gas=gas)
    if decoded.creates and decoded.data_size > MAX_INIT_CODE_BYTES:
        raise InitCodeTooLarge(size=decoded.data_size, limit=MAX_INIT_CODE_BYTES)
    intrinsic, floor = decoded.initial_gas(rules)
    if gas < intrinsic:
        raise IntrinsicGasTooLow(gas=gas, needed=intrinsic)
    if gas < floor:
        raise FloorGasTooLow(gas=gas, needed=floor)
    if decoded.max_priority_fee_per_gas > decoded.max_fee_per_gas:
        raise TipAboveFeeCap(tip=decoded.max_priority_fee_per_gas, fee=decoded.max_fee_per_gas)
    if decoded.nonce > MAX_NONCE:
        raise NonceMax(nonce=decoded.nonce)
    if decoded.kind == _SET_CODE and not decoded.authorizations:
        raise NoAuthorization()


def check_offer(decoded: DecodedTransaction, block_gas_limit: int, min_tip: int) -> None:
    """What this node asks for at this head. Raises GasAboveBlock or TipTooLow."""
    if decoded.gas_limit > block_gas_limit:
        raise GasAboveBlock(gas=decoded.gas_limit, limit=block_gas_limit)
    if decoded.max_priority_fee_per_gas < min_tip:
        raise TipTooLow(tip=decoded.max_priority_fee_per_gas, needed=min_tip)


def malformed(encoded: bytes) -> PoolError | None:
    """What `check_bytes` finds."""
    try:
        check_bytes(encoded)
    except PoolError as error:
        return error
    return None
