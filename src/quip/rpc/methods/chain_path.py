"""What happened on the canonical chain since a block: which blocks have left it, and which have joined it.

It is read from the store whenever somebody asks, at any depth of a reorganisation: blocks are never removed from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from quip.chain.ports import Part
from quip.consensus.types.header import Header
from quip.rpc.view import RpcView


@dataclass(frozen=True, slots=True)
class PathStep:
    """One block left the canonical chain, or joined it."""

    block_hash: bytes
    number: int
    removed: bool
    told: bytes
    """Whoever has been told of this one has been told up to the block of this hash."""
    header: bytes
    """RLP."""


def path_from(view: RpcView, told: bytes) -> Iterator[PathStep]:
    """The steps from a block to the head: those that left, the newest first, then those that joined, the oldest first.

    Where the chain moves meanwhile the path ends early; whoever goes on from there later misses nothing.
    """
    store = view.store
    header = store.header(told)
    if header is None:
        return
    while store.canonical(header.number) != told:
        yield PathStep(told, header.number, True, header.parent_hash, header.encode())
        told = header.parent_hash
        header = store.header(told)
        if header is None:
            return
    number = header.number
    while (following := store.canonical(number + 1)) is not None:
        encoded = store.encoded(Part.HEADER, following)
        if encoded is None or Header.parent_of(encoded) != told:
            return
        number, told = number + 1, following
        yield PathStep(following, number, False, following, encoded)
