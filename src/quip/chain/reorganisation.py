"""What a new head changes: the index of canonical blocks and the miners' totals.

A plan holds hashes, not blocks: 40 bytes per block of either branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quip.chain.ancestries import rewards_of
from quip.chain.errors import IncompleteStore
from quip.chain.ports import BlockReads, MinerTotals, StoredBlock
from quip.chain.tree import BlockTree
from quip.consensus.execution.rewards import Rewards, flat_rewards
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import Header


@dataclass(frozen=True, slots=True)
class Reorganisation:
    """How the canonical chain moves to a new head."""

    leaving: tuple[bytes, ...]
    """Hashes that leave it, the old head first."""
    entering: tuple[bytes, ...]
    """Hashes that enter it, the lowest first; the last is the new head."""
    canonical: tuple[tuple[int, bytes | None], ...]
    miner_totals: tuple[MinerTotals, ...]


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
    return Reorganisation(tuple(leaving), tuple(entering), tuple(index), tuple(tally.totals(store)))


def check_connected(tree: BlockTree, head_hash: bytes, number: int) -> None:
    """Raises IncompleteStore if the index does not name the head."""
    if not tree.is_canonical(head_hash, number):
        raise IncompleteStore(f"the index does not name the head 0x{head_hash.hex()} at {number}")
