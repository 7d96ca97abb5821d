"""What can be judged of a signed transaction beside its sender's account and what the pool has of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from quip.chain.mempool.account_queue import AccountQueue
from quip.chain.mempool.errors import (
    AccountLimitExceeded,
    AuthorityReserved,
    GappedDelegated,
    InFlightLimitReached,
    InsufficientFunds,
    NonceTooLow,
    ReplacementUnderpriced,
    SenderNotEoa,
)
from quip.chain.mempool.limits import PoolLimits
from quip.chain.mempool.pooled import PooledTransaction
from quip.chain.mempool.ports import AccountCode
from quip.chain.mempool.pricing import outbids


@dataclass(frozen=True, slots=True)
class Admission:
    """The rules for one pool."""

    limits: PoolLimits
    authorities: Mapping[bytes, int]
    """Accounts that pooled transactions would delegate, and how many of them (EIP-7702)."""
    pooled: Callable[[bytes], int]
    """How many transactions of a sender there are."""

    def check(self, new: PooledTransaction, account: AccountQueue) -> None:
        """Raises a Refused. What depends on the room in the pool is judged afterwards."""
        state, old = account.state, account.get(new.nonce)
        if state.code is AccountCode.CONTRACT:
            raise SenderNotEoa(address=account.address.hex())
        if new.nonce < state.nonce:
            raise NonceTooLow(next=state.nonce, nonce=new.nonce)
        beside = account.cost - (old.cost if old is not None else 0)
        if beside + new.cost > state.balance:
            raise InsufficientFunds(
                balance=state.balance, queued=beside, cost=new.cost, overshot=beside + new.cost - state.balance
            )
        self._check_delegations(new, account)
        if old is not None and not outbids(new, old):
            raise ReplacementUnderpriced()
        self._check_share(new, account, old)

    def _check_share(self, new: PooledTransaction, account: AccountQueue, old: PooledTransaction | None) -> None:
        limits = self.limits
        beside = len(account) - (old is not None)
        weight = account.weight + new.weight - (old.weight if old is not None else 0)
        gapped = new.nonce > account.first_gap()
        if (
            beside >= limits.sender_transactions
            or weight > limits.sender_bytes
            or (gapped and old is None and account.queued >= limits.sender_queued)
        ):
            raise AccountLimitExceeded(count=len(account))

    def _check_delegations(self, new: PooledTransaction, account: AccountQueue) -> None:
        """Whoever runs a delegated account's code can make all its transactions void with one: so it has one."""
        delegated = account.state.code is AccountCode.DELEGATION or account.address in self.authorities
        if delegated and account.get(new.nonce) is None:
            if account.ready:
                raise InFlightLimitReached()
            if new.nonce != account.state.nonce:
                raise GappedDelegated()
        if any(self.pooled(authority) > 1 for authority in new.authorities):
            raise AuthorityReserved()
