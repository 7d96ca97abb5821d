"""Ommers: sealed headers of blocks that lost, shown by a block of the chain that won."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from quip.consensus.errors.body import MalformedBlock
from quip.consensus.types.header import EMPTY_OMMERS_HASH, Header
from quip.consensus.types.seal import Seal
from quip.primitives import rlp
from quip.primitives.hashes import keccak256


@dataclass(frozen=True, slots=True)
class Ommer:
    """A header and the witness of its work; what else its block had does not matter."""

    header: Header
    seal: Seal | None
    """None where its sender had none: no lawful ommer."""

    def item(self) -> rlp.Item:
        """The pair as an RLP item; a missing seal is the empty list."""
        return [self.header.fields(), self.seal.item() if self.seal else []]

    @staticmethod
    def from_item(item: rlp.Item) -> Ommer:
        """The ommer of a decoded RLP item. Raises MalformedMessage."""
        if isinstance(item, bytes) or len(item) != 2:
            raise MalformedBlock("an ommer is a list of header and seal")
        return Ommer(Header.from_item(item[0]), None if item[1] == [] else Seal.from_item(item[1]))


def ommers_hash(headers: Iterable[Header]) -> bytes:
    """keccak256 of the RLP list of the ommers' headers, 32 bytes."""
    fields = [header.fields() for header in headers]
    return keccak256(rlp.encode(fields)) if fields else EMPTY_OMMERS_HASH
