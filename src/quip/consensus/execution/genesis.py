"""Block 0: made from the chain spec alone. Its mixHash is the spec's digest, so rules and chain go together."""

from __future__ import annotations

from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateReader, StateUpdate
from quip.consensus.types.header import EMPTY_BLOOM, EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT, HASH_SIZE, Header


def genesis_state(spec: ChainSpec, empty: StateReader) -> StateUpdate:
    """The state after genesis. `empty` is the state at EMPTY_TRIE_ROOT."""
    return empty.update({entry.address: entry.account for entry in spec.alloc})


def genesis_header(spec: ChainSpec, state_root: bytes) -> Header:
    """The genesis header over a state root (32 bytes, that of `genesis_state`)."""
    return Header(
        parent_hash=bytes(HASH_SIZE),
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=spec.genesis.beneficiary,
        state_root=state_root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=EMPTY_BLOOM,
        difficulty=0,
        number=0,
        gas_limit=spec.genesis.gas_limit,
        gas_used=0,
        timestamp=spec.genesis.timestamp,
        extra_data=spec.genesis.extra_data,
        mix_hash=spec.digest,
        nonce=spec.genesis.nonce,
        base_fee_per_gas=spec.genesis.base_fee_per_gas,
    )
