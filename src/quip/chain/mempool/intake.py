"""From bytes to signed transactions: what is cheap to see first, each signature checked once.

Bytes -> size, type -> encoding -> terms -> known? -> offer -> signature. The sender's account comes after it: it is
named by nothing but the signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

from quip.chain.mempool import validation
from quip.chain.mempool.errors import InvalidSender, MalformedTransaction, PoolError
from quip.chain.mempool.limits import REMEMBERED_BYTES
from quip.chain.mempool.pooled import PooledTransaction
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.transaction import DecodedTransaction, SignedTransaction, decode, recover, transaction_rules


class SignatureMemory:
    """Signed transactions by hash, the latest so many bytes of them. Reads may come from any thread."""

    def __init__(self, limit: int = REMEMBERED_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._signed: dict[bytes, tuple[int, SignedTransaction]] = {}

    def get(self, transaction_hash: bytes) -> SignedTransaction | None:
        """One whose signature is known to be good."""
        found = self._signed.get(transaction_hash)
        return None if found is None else found[1]

    def keep(self, transaction: PooledTransaction) -> None:
        """Remember one; the oldest make room."""
        if transaction.hash in self._signed:
            return
        self._signed[transaction.hash] = (transaction.weight, transaction.signed)
        self._bytes += transaction.weight
        while self._bytes > self._limit:
            oldest = next(iter(self._signed))
            self._bytes -= self._signed.pop(oldest)[0]


class Intake:
    """Reads transactions of one chain and says who signed them. `recall`: those whose signature is known, by hash."""

    def __init__(self, spec: ChainSpec, recall: Callable[[bytes], SignedTransaction | None]) -> None:
        self._recall = recall
        self._chain_id = spec.chain_id
        self._rules = transaction_rules(spec.evm_fork, spec.chain_id)
        self._orders = count()

    def read(
        self, encoded: Sequence[bytes], check: Callable[[DecodedTransaction], None]
    ) -> list[PooledTransaction | PoolError]:
        """Each by itself, in order: it, or why it is not let in. `check` raises a PoolError, before a signature is
        looked at."""
        found: list[PooledTransaction | PoolError | None] = []
        waiting: dict[int, DecodedTransaction] = {}
        for index, one in enumerate(self._decoded(encoded)):
            try:
                if isinstance(one, PoolError):
                    raise one
                validation.check_terms(one, self._rules, self._chain_id)
                check(one)
            except PoolError as error:
                found.append(error)
                continue
            waiting[index] = one
            found.append(None)
        for index, signed in zip(waiting, self._signed(list(waiting.values())), strict=True):
            found[index] = signed
        return [one for one in found if one is not None]

    def of_blocks(self, blocks: Sequence[Sequence[bytes]]) -> dict[bytes, PooledTransaction]:
        """The transactions of verified blocks, by hash, without those of types that no pool holds."""
        encoded = [transaction for block in blocks for transaction in block]
        decoded = [one for one in decode(encoded) if not isinstance(one, str)]
        signed = self._signed(decoded)
        return {one.hash: one for one in signed if isinstance(one, PooledTransaction)}

    def _signed(self, decoded: Sequence[DecodedTransaction]) -> list[PooledTransaction | PoolError]:
        """Who signed them; only signatures that are not known are looked at."""
        signed: dict[bytes, SignedTransaction | str] = {}
        unknown: dict[bytes, DecodedTransaction] = {}
        for one in decoded:
            if (known := self._recall(one.hash)) is not None:
                signed[one.hash] = known
            else:
                unknown[one.hash] = one
        signed.update(zip(unknown, recover(list(unknown.values())), strict=True))
        return [self._pooled(one, signed[one.hash]) for one in decoded]

    def _pooled(self, decoded: DecodedTransaction, signed: SignedTransaction | str) -> PooledTransaction | PoolError:
        if isinstance(signed, str):
            return InvalidSender(signed)
        return PooledTransaction.of(decoded, signed, next(self._orders))

    def _decoded(self, encoded: Sequence[bytes]) -> list[DecodedTransaction | PoolError]:
        """What is too long, or of no known type, is not even read."""
        found: list[DecodedTransaction | PoolError | None] = [validation.malformed(one) for one in encoded]
        readable = [index for index, error in enumerate(found) if error is None]
        for index, one in zip(readable, decode([encoded[index] for index in readable]), strict=True):
            found[index] = MalformedTransaction(one) if isinstance(one, str) else one
        return [one for one in found if one is not None]
