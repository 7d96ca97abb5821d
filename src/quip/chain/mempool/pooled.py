"""One transaction in the pool."""

from __future__ import annotations

from dataclasses import dataclass

from quip.chain.mempool.limits import OVERHEAD_BYTES
from quip.consensus.types.transaction import DecodedTransaction, SignedTransaction


@dataclass(slots=True, eq=False)
class PooledTransaction:
    """A signed transaction, what its place in the pool follows from, and whether it is executable."""

    signed: SignedTransaction
    hash: bytes
    kind: int
    size: int
    """Bytes of its encoding."""
    sender: bytes
    nonce: int
    gas_limit: int
    max_fee: int
    """Wei a gas, base fee included."""
    max_tip: int
    """Wei a gas to the beneficiary."""
    cost: int
    """Wei that the sender must have: the gas at the highest price, and the value."""
    order: int
    """Arrival: of two with the same price the earlier one goes first."""
    authorities: tuple[bytes, ...] = ()
    """Accounts that it delegates (EIP-7702)."""
    ready: bool = False
    """Executable: no gap of nonces before it, and paid for with those before it."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it counts for."""
        return self.size + OVERHEAD_BYTES

    def effective_tip(self, base_fee: int) -> int:
        """Wei a gas that the beneficiary gets at a base fee (EIP-1559); below 0: no block takes it."""
        return min(self.max_tip, self.max_fee - base_fee)

    @staticmethod
    def of(decoded: DecodedTransaction, signed: SignedTransaction, order: int) -> PooledTransaction:
        """From what it says and who signed it."""
        fee, gas = decoded.max_fee_per_gas, decoded.gas_limit
        return PooledTransaction(
            signed=signed,
            hash=decoded.hash,
            kind=decoded.kind,
            size=decoded.size,
            sender=signed.sender,
            nonce=decoded.nonce,
            gas_limit=gas,
            max_fee=fee,
            max_tip=decoded.max_priority_fee_per_gas,
            cost=gas * fee + decoded.value,
            order=order,
            authorities=tuple(signed.authorities) if decoded.authorizations else (),
        )
