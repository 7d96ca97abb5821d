"""One function a decoder: takes any bytes, lets through only the errors that the decoder names, and checks what it got.

What they all check: there is one encoding, so whatever is decoded encodes to the same bytes again.
"""

import json
from collections.abc import Callable, Iterator

from quip._native import evm
from quip.chain.mempool.pooled import PooledTransaction
from quip.consensus.errors.root import MalformedMessage
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import parse_spec
from quip.consensus.spec.document import Json, canonical, parse_document
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from quip.consensus.types.seal import Seal
from quip.net.errors import NetError
from quip.net.session.events import Asked, Broken, JoinAsked, PeerEvent
from quip.net.session.session import PeerSession
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, decode, encode
from quip.net.wire.frames import HEADER_BYTES, FrameReader, OneMessage
from quip.networks.shipped import spec_bytes
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.primitives.hybrid_transaction import HybridTransaction, MalformedTransaction
from support.pool_wallets import TRANSFER_GAS, new_pool
from support.sessions import at, client_session, joined_client, joined_server, reply_to, server_session

CODES = tuple(TABLE)
ZERO = bytes(32)
REQUESTS: tuple[m.Request, ...] = (
    m.HeadersRequest((ZERO,), 9), m.SealsRequest((ZERO, ZERO)), m.BodiesRequest((ZERO,)), m.BlockRequest(ZERO),
    m.TransactionsRequest((ZERO,)), m.PeersRequest(), m.StatusRequest(), m.StatsRequest(),
)  # fmt: skip
OPENINGS: tuple[Callable[[], PeerSession], ...] = (client_session, server_session, joined_client, joined_server)
TEST_SPEC = spec_bytes("test")
OSAKA = evm.Rules("osaka", 1)


def check_rlp(data: bytes) -> None:
    """RLP."""
    try:
        item = rlp.decode(data)
    except rlp.RlpError:
        return
    assert rlp.encode(item) == data


def check_header(data: bytes) -> None:
    """A header."""
    try:
        header = Header.decode(data)
    except MalformedMessage:
        return
    assert header.encode() == data


def check_seal(data: bytes) -> None:
    """A seal."""
    try:
        seal = Seal.decode(data)
    except MalformedMessage:
        return
    assert seal.encode() == data


def check_block(data: bytes) -> None:
    """A block."""
    try:
        block = Block.decode(data)
    except MalformedMessage:
        return
    assert block.encode() == data
    assert block.body_size() <= len(data)


def check_hybrid_transaction(data: bytes) -> None:
    """A transaction of type 0x51."""
    try:
        transaction = HybridTransaction.decode(data)
    except MalformedTransaction:
        return
    assert transaction.encode() == data
    assert len(transaction.payload.digest()) == 32


def check_transaction(data: bytes) -> None:
    """A transaction, who signed it, and what a pool makes of it: let in, or refused by name."""
    (found,) = evm.recover([data])
    if isinstance(found, evm.Transaction):
        assert found.encoded == data
        assert found.hash == keccak256(data)
    (read,) = evm.decode([data])
    if isinstance(read, evm.Decoded):
        assert (read.hash, read.size) == (keccak256(data), len(data))
        assert min(read.initial_gas(OSAKA)) >= TRANSFER_GAS
        (again,) = evm.recover_decoded([read])
        assert type(again) is type(found)
    else:
        assert read == found
    (verdict,) = new_pool().add([data])
    assert isinstance(verdict, PooledTransaction) <= isinstance(found, evm.Transaction)


def check_message(data: bytes) -> None:
    """One payload; the first byte chooses the message."""
    if not data:
        return
    code = CODES[data[0] % len(CODES)]
    try:
        message = decode(code, data[1:])
    except NetError:
        return
    assert encode(message) == data[1:]


def check_frames(data: bytes) -> None:
    """A stream of frames, whole and in chunks as the first byte says: the same frames or the same error."""
    if not data:
        return
    size = data[0] + 1
    stream = data[1:]
    whole = read_frames([stream])
    torn = read_frames([stream[at : at + size] for at in range(0, len(stream), size)])
    assert torn[: len(whole)] == whole or isinstance(whole[-1], type)
    assert isinstance(torn[-1], type) or torn == whole
    for frame in whole:
        if isinstance(frame, tuple):
            assert len(frame[1]) <= min(TABLE[frame[0]].max_bytes, len(stream) - HEADER_BYTES)
    try:
        OneMessage(TABLE).feed(stream, fin=True)
    except NetError:
        return


def read_frames(parts: list[bytes]) -> list[tuple[int, bytes] | type[NetError]]:
    """The frames of a stream, and last the error that it ends with, if any."""
    reader = FrameReader(TABLE)
    found: list[tuple[int, bytes] | type[NetError]] = []
    try:
        for part in parts:
            found.extend(reader.feed(part, fin=False))
        found.extend(reader.feed(b"", fin=True))
    except NetError as error:
        found.append(type(error))
    return found or [NetError]


def check_spec(data: bytes) -> None:
    """A chain spec: the bytes themselves, or (odd first byte) the test network's with one value replaced by them."""
    if not data:
        return
    text = replaced(data[1:]) if data[0] % 2 else data[1:]
    if text is None:
        return
    try:
        spec = parse_spec(text)
    except InvalidSpec:
        return
    document = parse_document(text)
    assert parse_document(canonical(document)) == document
    assert parse_spec(canonical(document)).digest == spec.digest


def replaced(data: bytes) -> bytes | None:
    """The test network's spec with the value that the first two bytes choose replaced by the JSON in the others."""
    try:
        value = json.loads(data[2:])
        document = json.loads(TEST_SPEC)
        places = list(walk(document))
        holder, key = places[int.from_bytes(data[:2], "big") % len(places)]
        holder[key] = value  # type: ignore[index]
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return None


def walk(value: Json) -> Iterator[tuple[Json, str | int]]:
    """Every place in a document that holds a value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in pairs:
        yield value, key
        yield from walk(part)


class Program:
    """Reads an input as what happens to a session: an opening, then steps of a few bytes each."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        """The next byte, 0 at the end."""
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        part = self.data[self.at : self.at + size]
        self.at += size
        return part

    def more(self) -> bool:
        """True before the end."""
        return self.at < len(self.data)


def check_session(data: bytes) -> None:
    """A session: lawful or not, nothing raises, nothing comes after the end, and every event is one of its kind."""
    program = Program(data)
    session = OPENINGS[program.byte() % len(OPENINGS)]()
    now_s, over = 0.0, False
    while program.more():
        now_s += program.byte() / 16
        events = one_step(session, program, now_s)
        assert not (over and events)
        over = over or any(isinstance(event, Broken) for event in events)
        assert sum(isinstance(event, Broken) for event in events) <= 1
        for event in events:
            if isinstance(event, JoinAsked) and not over:
                session.welcome(at(now_s))
            elif isinstance(event, Asked) and now_s < 1 and not over:
                session.respond(event.stream, reply_to(event.request), at(now_s))
        session.drain()


def one_step(session: PeerSession, program: Program, now_s: float) -> list[PeerEvent]:
    """One of the things that can happen to a session."""
    what, stream = program.byte(), program.byte() % 64
    now, fin = at(now_s), bool(what & 0x80)
    match what % 8:
        case 0:
            return session.received(stream, program.take(program.byte()), fin, now)
        case 1 | 2 | 3:
            code = CODES[program.byte() % len(CODES)]
            payload = program.take(program.byte())
            return session.received(stream, bytes((code,)) + len(payload).to_bytes(4, "big") + payload, fin, now)
        case 4:
            return session.reset(stream, now)
        case 5:
            session.request(REQUESTS[stream % len(REQUESTS)], now, 5.0)
            return []
        case 6:
            return session.backlog(stream << 20, now)
        case _:
            return session.tick(now)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "rlp": check_rlp,
    "header": check_header,
    "seal": check_seal,
    "block": check_block,
    "transaction": check_transaction,
    "message": check_message,
    "frames": check_frames,
    "spec": check_spec,
    "session": check_session,
    "hybrid_transaction": check_hybrid_transaction,
}
