"""What can be wrong with the chain's own use, as opposed to a block (those are in `quip.consensus.errors`).

ChainError
├── WrongChain        the store holds another network
├── IncompleteStore   the store lacks a block or state that it should have
└── ForeignSigner     the signer is not the miner that the template names
"""

from __future__ import annotations


class ChainError(Exception):
    """The chain cannot do what it was asked for."""


class WrongChain(ChainError):
    """The store's genesis block is not the spec's."""

    def __init__(self, stored: bytes, expected: bytes) -> None:
        self.stored = stored
        self.expected = expected
        super().__init__(f"the store holds the chain of genesis 0x{stored.hex()}, the spec's is 0x{expected.hex()}")


class IncompleteStore(ChainError):
    """A block that must be in the store is not. `quip db reindex` rebuilds it."""


class ForeignSigner(ChainError):
    """A template is sealed by the miner that it names, and nobody else."""
