"""What a new head changes: the indexes of canonical blocks and their transactions, and the miners'
totals.

A plan holds hashes, not blocks: 40 bytes per block of either branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quip.chain.ancestries import rewards_of
from quip.chain.errors import IncompleteStore
from quip.chain.ports import BlockReads, MinerTotals, StoredBlock, TransactionPlace
from quip.chain.tree import BlockTree
from quip.consensus.execution.rewards import Rewards, flat_rewards
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.primitives.hashes import keccak256


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """How the canonical chain moves to a new head."""

    leaving: tuple[bytes, ...]
    """Hashes that leave it, the old head first."""
    entering: tuple[bytes, ...]
    """Hashes that enter it, the lowest first; the last is the new head."""
    canonical: tuple[tuple[int, bytes | None], ...]
    miner_totals: tuple[MinerTotals, ...]
    transactions: tuple[tuple[bytes, TransactionPlace | None], ...]
    """Hashes that leave the chain, then those that enter it: one that does both is there."""


class _Tally:
    """Changes of miners' totals, summed up."""

    def __init__(self) -> None:
        self._changes: dict[bytes, tuple[int, int]] = {}

    def count(self, header: Header, rewards: Rewards, sign: int) -> None:
        """Add (sign 1) or take away (sign -1) one block, and what it pays to whomever."""
        self._add(header.miner_id, sign, 0)
        for payment in rewards.payments:
            self._add(payment.miner_id, 0, sign * payment.amount)

    def _add(self, miner_id: bytes, blocks: int, earned: int) -> None:
        blocks_before, earned_before = self._changes.get(miner_id, (0, 0))
        self._changes[miner_id] = (blocks_before + blocks, earned_before + earned)

    def totals(self, store: BlockReads) -> Iterable[MinerTotals]:
        """The new totals of every miner whose totals change."""
        for miner_id, (blocks, earned) in self._changes.items():
            if blocks or earned:
                old = store.miner(miner_id) or MinerTotals(miner_id, 0, 0)
                yield MinerTotals(miner_id, old.blocks + blocks, old.earned + earned)


def plan(store: BlockReads, tree: BlockTree, spec: ChainSpec, block_hash: bytes, block: StoredBlock) -> Reorganisation:
    """The plan that makes a verified, not yet stored block the head. Its parent is in the tree."""
    tally = _Tally()
    tally.count(block.header, block.rewards or flat_rewards(spec, block.header, block.context), 1)
    entering = [block_hash]
    for side_hash, header, context in tree.branch(block.header.parent_hash):
        tally.count(header, rewards_of(spec, tree, side_hash, header, context), 1)
        entering.append(side_hash)
    first = block.header.number - len(entering) + 1
    leaving: list[bytes] = []
    number = first
    while (old := store.canonical(number)) is not None:
        header, context = tree.known(old)
        tally.count(header, rewards_of(spec, tree, old, header, context), -1)
        leaving.append(old)
        number += 1
    entering.reverse()
    index: list[tuple[int, bytes | None]] = [(first + step, entered) for step, entered in enumerate(entering)]
    index.extend((removed, None) for removed in range(first + len(entering), number))
    leaving.reverse()
    moved: list[tuple[bytes, TransactionPlace | None]] = []
    for old in leaving:
        moved.extend((transaction_hash, None) for transaction_hash in _transactions(store, tree, old))
    for side_hash in entering[:-1]:
        moved.extend(_places(side_hash, _transactions(store, tree, side_hash)))
    moved.extend(_places(block_hash, [keccak256(transaction) for transaction in block.transactions]))
    totals = tuple(tally.totals(store))
    return Reorganisation(tuple(leaving), tuple(entering), tuple(index), totals, tuple(moved))


def _transactions(store: BlockReads, tree: BlockTree, block_hash: bytes) -> list[bytes]:
    """Hashes of a stored block's transactions. Most blocks have none: their bodies are not read."""
    if tree.known(block_hash)[0].transactions_root == EMPTY_TRIE_ROOT:
        return []
    block = store.block(block_hash)
    if block is None:
        raise IncompleteStore(f"block 0x{block_hash.hex()} is missing")
    return [keccak256(transaction) for transaction in block.transactions]


def _places(block_hash: bytes, transactions: Iterable[bytes]) -> Iterable[tuple[bytes, TransactionPlace]]:
    return (
        (transaction_hash, TransactionPlace(block_hash, index)) for index, transaction_hash in enumerate(transactions)
    )


def check_connected(tree: BlockTree, head_hash: bytes, number: int) -> None:
    """Raises IncompleteStore if the index does not name the head."""
    if not tree.is_canonical(head_hash, number):
        raise IncompleteStore(f"the index does not name the head 0x{head_hash.hex()} at {number}")
