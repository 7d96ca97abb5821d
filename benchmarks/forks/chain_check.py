"""Is what a stopped node's chain paid what its headers say? Every difference is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.forks.ledger import Bonus, Ledger, Shown, ledger_of
from quip.chain.ports import BlockReads, StoredBlock
from quip.consensus.execution.genesis import genesis_state
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import AccountChange, StateReader
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.storage import STORE_FILE
from quip.storage.chain_store import read_chain_store

HISTORY_SIZE = 8_191
"""Hashes that the history contract keeps (EIP-2935)."""


@dataclass(slots=True)
class ChainCheck:
    """One node's chain."""

    head: bytes
    blocks: list[Shown]
    ledger: Ledger
    genesis_supply: int
    lost: set[bytes]
    """Hashes of stored blocks that are not canonical."""
    problems: list[str] = field(default_factory=list)

    @property
    def ommers(self) -> set[bytes]:
        """Hashes of the ommers that the chain shows."""
        return {ommer.hash for block in self.blocks for ommer in block.ommers}


def check_chain(spec: ChainSpec, reads: BlockReads, tips: Iterable[bytes]) -> ChainCheck:
    """The canonical chain of a store, its ledger, and where the state differs from it."""
    canonical = list(_canonical(reads))
    blocks = [Shown(one.header, tuple(ommer.included.header for ommer in one.ommers)) for one in canonical]
    ledger = ledger_of(spec, blocks)
    supply = sum(entry.account.balance for entry in spec.alloc)
    found = ChainCheck(blocks[-1].header.hash, blocks, ledger, supply, _lost(reads, tips, canonical))
    found.problems += _state_problems(spec, reads, found)
    for bonus in ledger.bonuses:
        found.problems += _bonus_problems(spec, reads, found, bonus)
    return found


def check_directory(spec: ChainSpec, data_dir: Path) -> ChainCheck:
    """`check_chain` of a stopped node's directory."""
    store = read_chain_store(data_dir / STORE_FILE)
    try:
        return check_chain(spec, store, store.tips)
    finally:
        store.close()


def _canonical(reads: BlockReads) -> Iterator[StoredBlock]:
    number = 0
    while (block_hash := reads.canonical(number)) is not None:
        block = reads.block(block_hash)
        assert block is not None  # `quip db check` has found it sound
        yield block
        number += 1


def _lost(reads: BlockReads, tips: Iterable[bytes], canonical: list[StoredBlock]) -> set[bytes]:
    known = {block.header.hash for block in canonical}
    lost: set[bytes] = set()
    for tip in tips:
        block_hash = tip
        while block_hash not in known and block_hash not in lost:
            lost.add(block_hash)
            header = reads.header(block_hash)
            assert header is not None
            block_hash = header.parent_hash
    return lost


def _state_problems(spec: ChainSpec, reads: BlockReads, found: ChainCheck) -> Iterator[str]:
    """The state at the head is genesis and the ledger's balances, and nothing else: their root is the header's."""
    header, ledger = found.blocks[-1].header, found.ledger
    genesis = reads.state(genesis_state(spec, reads.state(EMPTY_TRIE_ROOT)).root)
    state = reads.state(header.state_root)
    total = found.genesis_supply
    for address, amount in ledger.balances.items():
        before, account = genesis.account(address), state.account(address)
        gained = (account.balance if account else 0) - (before.balance if before else 0)
        total += gained
        if gained != amount:
            yield f"account 0x{address.hex()} gained {gained} wei, by the headers {amount}"
    paid = {address: _richer(genesis, address, amount) for address, amount in ledger.balances.items()}
    if genesis.update(paid | _history(spec, genesis, found.blocks)).root != header.state_root:
        yield "genesis, the ledger's balances and the recorded hashes have another state root than the head"
    if total != found.genesis_supply + ledger.supply:
        yield f"the supply is {total} wei, genesis and payments come to {found.genesis_supply + ledger.supply}"


def _richer(genesis: StateReader, address: bytes, amount: int) -> AccountChange:
    before = genesis.account(address)
    return AccountChange(balance=amount + (before.balance if before else 0))


def _history(spec: ChainSpec, genesis: StateReader, blocks: Sequence[Shown]) -> dict[bytes, AccountChange]:
    """What the blocks wrote to the contract that keeps the hashes of the last 8,191 (EIP-2935); nothing without it."""
    address = dict(spec.system).get("history")
    account = genesis.account(address) if address else None
    if address is None or account is None:
        return {}
    storage = {
        ((block.header.number - 1) % HISTORY_SIZE).to_bytes(32, "big"): block.header.parent_hash
        for block in blocks
        if block.header.number
    }
    return {address: AccountChange(account.nonce, account.balance, genesis.code(account.code_hash), storage)}


def _bonus_problems(spec: ChainSpec, reads: BlockReads, found: ChainCheck, bonus: Bonus) -> Iterator[str]:
    """The miner's account grew by the bonus, and by nothing else, in the block that settled the height."""
    paying = bonus.number + spec.ommers.window + 1
    before, after = (
        reads.state(found.blocks[number].header.state_root).account(bonus.miner_id) for number in (paying - 1, paying)
    )
    grown = (after.balance if after else 0) - (before.balance if before else 0)
    if grown != bonus.amount:
        yield f"block {paying} paid the miner of block {bonus.number} {grown} wei, by the headers {bonus.amount}"
