"""What the chain tells peers: bounded, in order, connected."""

from typing import Any, cast

import pytest

from quip.chain.view import ChainReader
from quip.consensus.types.block import BlockBody
from quip.net.chain_server import ChainServer
from quip.net.limits import MAX_HEADERS
from quip.net.ports import ChainView
from quip.net.wire.codec import TABLE, code_of, decode, encode
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    Bodies,
    BodiesRequest,
    Headers,
    HeadersRequest,
    PeersRequest,
    Reply,
    Request,
    Seals,
    SealsRequest,
)
from sim.honest.chain_generator import ForkPlan
from support.chains import generator, grown, new_chain
from support.sync_world import UNIX_S, chain_with
from unit.net.sync.test_sync import grow, line


def library_of(blocks: int, forks: ForkPlan | None = None) -> tuple[ChainServer, ChainReader]:
    made = generator(new_chain())
    for _ in made.extend(blocks, forks):
        pass
    view = ChainReader(made.chain)
    return ChainServer(view), view


def answer(library: ChainServer, request: Request) -> Reply:
    """As the asker reads it."""
    encoded = library.answer(request)
    assert encode(encoded) == encoded.payload  # not too large
    reply = decode(encoded.code, encoded.payload)
    assert encode(reply) == encoded.payload
    return cast(Reply, reply)


def canonical(view: ChainReader, number: int) -> bytes:
    found = view.canonical(number)
    assert found is not None
    return found


def numbers(reply: Reply) -> list[int]:
    assert isinstance(reply, Headers)
    return [header.number for header in reply.headers]


def test_headers_after_the_first_canonical_hash() -> None:
    library, view = library_of(12)
    here, genesis = canonical(view, 4), view.genesis_hash
    assert numbers(answer(library, HeadersRequest((here, genesis), 3))) == [5, 6, 7]
    assert numbers(answer(library, HeadersRequest((b"\x01" * 32, here, genesis), 512))) == list(range(5, 13))
    assert numbers(answer(library, HeadersRequest((genesis,), 2))) == [1, 2]
    assert numbers(answer(library, HeadersRequest((canonical(view, 12), genesis), 512))) == []
    assert numbers(answer(library, HeadersRequest((b"\x01" * 32,), 512))) == []


def test_a_side_block_in_the_locator_is_passed_over() -> None:
    library, view = library_of(8, ForkPlan(every=6, depth=3))
    made = grown(2, seed=9)
    assert view.header(made.chain.head.hash) is None
    assert numbers(answer(library, HeadersRequest((made.chain.head.hash, canonical(view, 2)), 2))) == [3, 4]


def test_seals_bodies_and_blocks_by_hash() -> None:
    library, view = library_of(5)
    hashes = tuple(canonical(view, number) for number in (3, 1))
    stored = [view.block(block_hash) for block_hash in hashes]
    there = [block.seal for block in stored if block is not None]
    seals = answer(library, SealsRequest((hashes[0], b"\x01" * 32, hashes[1])))
    assert seals == Seals((there[0], None, there[1]))
    assert answer(library, BodiesRequest((*hashes, b"\x01" * 32))) == Bodies((BlockBody(), BlockBody(), None))
    whole = answer(library, BlockRequest(hashes[0]))
    assert isinstance(whole, BlockResponse)
    assert whole.block is not None
    assert whole.block.header.hash == hashes[0]
    assert answer(library, BlockRequest(b"\x01" * 32)) == BlockResponse(None)


@pytest.mark.parametrize("limit", [1, MAX_HEADERS])
def test_every_answer_can_be_sent(limit: int) -> None:
    library, view = library_of(70)
    hashes = tuple(canonical(view, number) for number in range(1, 65))
    requests: list[Request] = [
        HeadersRequest((view.genesis_hash,), limit), SealsRequest(hashes[:limit]), BodiesRequest(hashes[:limit]),
        BlockRequest(hashes[0]),
    ]  # fmt: skip
    for request in requests:
        reply = library.answer(request)
        assert reply.code == code_of(request) + 1
        assert len(reply.payload) <= TABLE[reply.code].max_bytes
        assert type(answer(library, request)) is TABLE[reply.code].kind


def test_what_is_no_question_about_the_chain() -> None:
    library, _ = library_of(0)
    with pytest.raises(TypeError, match="PeersRequest"):
        library.answer(PeersRequest())


def test_headers_hang_on_what_was_named_also_where_the_chain_moves_meanwhile() -> None:
    """A heavier branch is committed between the look at the locator and the first header."""
    trunk = chain_with(line(30))
    branch = grow(line(25), 12, 12)[25:]
    view = ChainReader(trunk)

    class Racing:
        """The view, and what happens while it is read."""

        def __getattr__(self, name: str) -> Any:
            return getattr(view, name)

        def canonical(self, number: int) -> bytes | None:
            found = view.canonical(number)
            trunk.accept_many(branch, UNIX_S)
            return found

    locator = tuple(canonical(view, number) for number in (28, 27, 10, 0))
    assert numbers(answer(ChainServer(cast(ChainView, Racing())), HeadersRequest(locator, 10))) == []
    assert trunk.head.hash == branch[-1].header.hash
    assert numbers(answer(ChainServer(view), HeadersRequest(locator, 3))) == [11, 12, 13]
