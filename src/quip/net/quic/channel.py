"""One QUIC connection, and the datagrams that belong to none. The only file that knows aioquic.

aioquic's sans-IO connection is used directly, and some of its private parts with it, which is why its version is
pinned: clients are asked for their certificate, windows slide, and hostile peers meet limits that aioquic lacks.
tests/unit/net/quic hold each of these.

    Door      datagrams that no connection owns: version negotiation, Retry, refusals (no state is kept)
    Channel   one connection: datagrams in, events and datagrams out; `now_s` is a monotonic clock

What this file does not do: no sockets, no timers, no limits across connections (`transport` has them).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from ssl import CERT_NONE
from typing import Any, TypeAlias, TypeVar

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import connection as core
from aioquic.quic import events as quic_events
from aioquic.quic import packet as wire
from aioquic.quic.configuration import SMALLEST_MAX_DATAGRAM_SIZE, QuicConfiguration
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet_builder import QuicPacketBuilder, QuicPacketBuilderStop
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream
from cryptography.exceptions import UnsupportedAlgorithm

from quip.net.actions import CloseCode
from quip.net.address import is_loopback
from quip.net.events import Backlog, Closed, DialFailed, Opened, Received, StreamReset
from quip.net.limits import (
    BACKLOG_STEP,
    CONNECTION_WINDOW,
    HANDSHAKE_S,
    KEY_UPDATE_PACKETS,
    LOOPBACK_DATAGRAM,
    MAX_CRYPTO_BYTES,
    MAX_CRYPTO_GAPS,
    MAX_STREAM_GAPS,
    MAX_STREAMS_BIDI,
    MAX_STREAMS_UNI,
    MAX_UNSENT_BYTES,
    STREAM_WINDOW,
)
from quip.net.link import Address, Link, Purpose
from quip.net.quic.close_reasons import FORGOTTEN, own_end, peers_end
from quip.net.quic.configuration import QuicSetup
from quip.net.quic.cpu_budget import CpuBudget
from quip.net.quic.datagram import CID_BYTES, ValidatedInitial, destination_of, may_begin, printable
from quip.net.quic.frame_limits import FrameCount
from quip.net.quic.node_identity import check_chain, node_id_of
from quip.net.quic.retry import RetryTokens
from quip.net.quic.stateless_reset import ResetTokens, token_of

ALPN = "quip/1"
VERSIONS = [int(wire.QuicProtocolVersion.VERSION_1)]

SIGNATURE_NAMES = "ED25519 ECDSA_SECP256R1_SHA256 ECDSA_SECP384R1_SHA384 RSA_PSS_RSAE_SHA256 RSA_PSS_RSAE_SHA384"
SIGNATURES = [tls.SignatureAlgorithm[name] for name in SIGNATURE_NAMES.split()]
CIPHERS = [tls.CipherSuite.AES_128_GCM_SHA256, tls.CipherSuite.CHACHA20_POLY1305_SHA256]

# What hostile bytes can raise inside aioquic beside its own errors: it asserts, indexes and parses as it goes.
AIOQUIC_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
    UnsupportedAlgorithm, core.QuicConnectionError, QuicPacketBuilderStop, tls.Alert,
)  # fmt: skip
# Its log tells what strangers do, line by line: ours says what matters.
logging.getLogger("quic").setLevel(logging.CRITICAL)

T = TypeVar("T")
TransportEvent: TypeAlias = Opened | DialFailed | Received | StreamReset | Closed | Backlog


def _configuration(setup: QuicSetup, is_client: bool, address: Address) -> QuicConfiguration:
    """aioquic's settings for one connection."""
    return QuicConfiguration(
        alpn_protocols=[ALPN],
        is_client=is_client,
        idle_timeout=setup.idle_timeout_s,
        connection_id_length=CID_BYTES,
        max_data=CONNECTION_WINDOW,
        max_stream_data=STREAM_WINDOW,
        max_datagram_size=LOOPBACK_DATAGRAM if is_loopback(address.host) else SMALLEST_MAX_DATAGRAM_SIZE,
        certificate=setup.identity.certificate,
        certificate_chain=list(setup.identity.chain),
        private_key=setup.identity.private_key,
        cipher_suites=CIPHERS,
        supported_versions=VERSIONS,
        verify_mode=CERT_NONE,  # Channel checks the certificate of either side, after the key is proved
    )


class HardenedConnection(core.QuicConnection):
    """aioquic's connection with some differences, each in a method or two."""

    def __init__(self, resets: ResetTokens, **settings: Any) -> None:
        super().__init__(**settings)
        self._resets = resets
        self._frames = FrameCount()
        handlers = vars(self)["_QuicConnection__frame_handlers"]
        for kind, (handle, epochs) in handlers.items():
            handlers[kind] = self._counted(handle), epochs
        if not self._is_client:
            self._host_cids[0].stateless_reset_token = resets.token(self.host_cid)

    def _replenish_connection_ids(self) -> None:
        """Tokens that this node can still make after a restart (aioquic's are random)."""
        super()._replenish_connection_ids()
        for host_cid in self._host_cids:
            if not host_cid.was_sent:
                host_cid.stateless_reset_token = self._resets.token(host_cid.cid)

    def _initialize(self, peer_cid: bytes) -> None:
        """Ask clients for their certificate: TLS begins and runs within one call, so this is the only moment."""
        bidi, uni = self._local_max_streams_bidi, self._local_max_streams_uni
        bidi.value = bidi.sent = MAX_STREAMS_BIDI
        uni.value = uni.sent = MAX_STREAMS_UNI
        super()._initialize(peer_cid)
        self.tls._request_client_certificate = not self._is_client
        self.tls._signature_algorithms = list(SIGNATURES)

    def _write_connection_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace) -> None:
        """MAX_DATA counts from what was delivered (aioquic doubles it, so that it ends at no bound at all)."""
        data, bidi, uni = self._local_max_data, self._local_max_streams_bidi, self._local_max_streams_uni
        held = sum(
            stream.receiver.highest_offset - stream.receiver.starting_offset()
            for stream in self._streams.values()
            if not stream.receiver.is_finished
        )
        if data.value - (data.used - held) <= CONNECTION_WINDOW // 2:
            data.value = data.used - held + CONNECTION_WINDOW
        due = [limit for limit in (bidi, uni) if limit.sent - limit.used < limit.value - limit.sent]
        for limit in (data, *due):
            if limit.value != limit.sent:
                buffer = builder.start_frame(
                    limit.frame_type,
                    capacity=core.CONNECTION_LIMIT_FRAME_CAPACITY,
                    handler=self._on_connection_limit_delivery,
                    handler_args=(limit,),
                )
                buffer.push_uint_var(limit.value)
                limit.sent = limit.value

    def _write_stream_limits(self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream) -> None:
        """MAX_STREAM_DATA likewise."""
        if not stream.max_stream_data_local or stream.receiver.is_finished:
            return
        delivered = stream.receiver.starting_offset()
        if stream.max_stream_data_local - delivered <= STREAM_WINDOW // 2:
            stream.max_stream_data_local = delivered + STREAM_WINDOW
        if stream.max_stream_data_local_sent != stream.max_stream_data_local:
            buffer = builder.start_frame(
                wire.QuicFrameType.MAX_STREAM_DATA,
                capacity=core.MAX_STREAM_DATA_FRAME_CAPACITY,
                handler=self._on_max_stream_data_delivery,
                handler_args=(stream,),
            )
            buffer.push_uint_var(stream.stream_id or 0)
            buffer.push_uint_var(stream.max_stream_data_local)
            stream.max_stream_data_local_sent = stream.max_stream_data_local

    def _handle_ack_frame(self, context: core.QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        """Who acknowledges what was never sent widens the window as it likes (RFC 9000, 13.1)."""
        start = buf.tell()
        if buf.pull_uint_var() >= self._packet_number:
            raise core.QuicConnectionError(wire.QuicErrorCode.PROTOCOL_VIOLATION, frame_type, "impossible ACK")
        buf.seek(start)
        super()._handle_ack_frame(context, frame_type, buf)

    def _counted(self, handle: Callable[[core.QuicReceiveContext, int, Buffer], None]) -> Any:
        def counted(context: core.QuicReceiveContext, kind: int, buf: Buffer) -> None:
            if self._frames.too_many(context, kind):
                raise core.QuicConnectionError(wire.QuicErrorCode.PROTOCOL_VIOLATION, kind, "too many frames")
            handle(context, kind, buf)

        return counted

    def _handle_crypto_frame(self, context: core.QuicReceiveContext, frame_type: int, buf: Buffer) -> None:
        """Each hole costs a search through the others, and TLS would have a third of its bytes be holes."""
        super()._handle_crypto_frame(context, frame_type, buf)
        if len(self._crypto_streams[context.epoch].receiver._ranges) > MAX_CRYPTO_GAPS:
            raise core.QuicConnectionError(wire.QuicErrorCode.PROTOCOL_VIOLATION, frame_type, "too many holes")

    def release(self) -> None:
        """The last call: forget everything. aioquic's connections, TLS and keys refer to each other in circles, and
        would keep all buffers until the collector looks, and the memory between them in pieces after that."""
        for space in self._spaces.values():
            space.sent_packets.clear()
        self.__dict__.clear()

    def overrun(self) -> str | None:
        """Which of the limits that aioquic lacks the other side has passed."""
        if sum(stream.receiver.highest_offset for stream in self._crypto_streams.values()) > MAX_CRYPTO_BYTES:
            return "too many handshake bytes"
        if any(len(stream.receiver._ranges) > MAX_STREAM_GAPS for stream in self._streams.values()):
            return "a stream with too many holes"
        return None

    def unsent_bytes(self) -> int:
        """Bytes that were handed over and not acknowledged, streams that were given up left out."""
        senders = (stream.sender for stream in self._streams.values())
        return sum(len(sender._buffer) for sender in senders if sender._reset_error_code is None)

    def lives(self, stream: int) -> bool:
        """True until a stream is done in both directions."""
        return stream in self._streams

    def give_up(self, stream: int, code: int) -> None:
        """RESET_STREAM and STOP_SENDING, whichever the stream's direction allows, and forget its bytes."""
        if stream not in self._streams:
            return
        if self._stream_can_send(stream):
            self.reset_stream(stream, code)
            self._streams[stream].sender._buffer.clear()
        if self._stream_can_receive(stream) and not self._streams[stream].receiver.is_finished:
            self.stop_stream(stream, code)

    def began(self) -> bool:
        """True once a packet of the other side could be read."""
        return self._state is not core.QuicConnectionState.FIRSTFLIGHT

    def ending(self) -> str | None:
        """Why the connection is over, as soon as it is (aioquic tells it three timeouts later)."""
        if self._close_event is None:
            return None
        ending, text = self._close_event, self._close_event.reason_phrase
        if self._state is not core.QuicConnectionState.DRAINING or text == FORGOTTEN:
            return own_end(ending.error_code, text)
        return peers_end(ending.error_code, text, of_quic=ending.frame_type is not None)

    def forget(self, now_s: float) -> None:
        """The other side answered with a stateless reset: it knows nothing of this connection (RFC 9000, 10.3.1)."""
        self._close_event = quic_events.ConnectionTerminated(wire.QuicErrorCode.NO_ERROR, None, FORGOTTEN)
        self._close_begin(is_initiator=False, now=now_s)

    def reset_token(self) -> bytes | None:
        """What a stateless reset of the other side ends with; clients have none to give."""
        token: bytes | None = self._peer_cid.stateless_reset_token
        return token or None


class StatelessResponder:
    """Answers what belongs to no connection. Every answer is shorter than what it answers."""

    def __init__(self, tokens: RetryTokens) -> None:
        self._tokens = tokens

    def knock(self, datagram: bytes, address: Address, now_s: float) -> bytes | ValidatedInitial | None:
        """A datagram to send back, a client to let in, or None: nothing worth a word."""
        if not may_begin(datagram):
            return None
        try:
            header = wire.pull_quic_header(Buffer(data=datagram), host_cid_length=CID_BYTES)
        except ValueError:  # BufferReadError is one
            return None
        if header.version not in VERSIONS and header.packet_type is not wire.QuicPacketType.VERSION_NEGOTIATION:
            return wire.encode_quic_version_negotiation(
                source_cid=header.destination_cid, destination_cid=header.source_cid, supported_versions=VERSIONS
            )
        if header.packet_type is not wire.QuicPacketType.INITIAL or len(header.destination_cid) < CID_BYTES:
            return None
        if not header.token:
            retry_cid = os.urandom(CID_BYTES)
            return wire.encode_quic_retry(
                version=VERSIONS[0], source_cid=retry_cid, destination_cid=header.source_cid,
                original_destination_cid=header.destination_cid,
                retry_token=self._tokens.issue(address, header.destination_cid, retry_cid, now_s),
            )  # fmt: skip
        first_cid = self._tokens.check(header.token, address, header.destination_cid, now_s)
        knock = ValidatedInitial(datagram, address, first_cid or b"", header.destination_cid, header.source_cid)
        return knock if first_cid is not None else self.refuse(knock, wire.QuicErrorCode.INVALID_TOKEN)

    def refuse(self, knock: ValidatedInitial, code: int = wire.QuicErrorCode.CONNECTION_REFUSED) -> bytes:
        """A close for a client that is not let in; no state is kept."""
        crypto = CryptoPair()
        crypto.setup_initial(cid=knock.retry_cid, is_client=False, version=VERSIONS[0])
        builder = QuicPacketBuilder(
            host_cid=knock.retry_cid, is_client=False, max_datagram_size=SMALLEST_MAX_DATAGRAM_SIZE,
            peer_cid=knock.source_cid, version=VERSIONS[0],
        )  # fmt: skip
        builder.start_packet(wire.QuicPacketType.INITIAL, crypto)
        buffer = builder.start_frame(wire.QuicFrameType.TRANSPORT_CLOSE, capacity=core.TRANSPORT_CLOSE_FRAME_CAPACITY)
        for value in (code, wire.QuicFrameType.PADDING, 0):
            buffer.push_uint_var(value)
        datagrams, _ = builder.flush()
        return bytes(datagrams[0])


class Channel:
    """One connection. Its events: Opened first, Closed last and once; or nothing but DialFailed."""

    def __init__(self, setup: QuicSetup, number: int, address: Address, purpose: Purpose) -> None:
        self.number = number
        self.address = address
        self.purpose = purpose
        self.opened = False
        self.ended = False
        self.bytes_in = self.bytes_out = self.unsent_bytes = 0
        self.cids: set[bytes] = set()
        self._setup = setup
        self._peer = address.host, address.port
        self._events: list[TransportEvent] = []
        self._given_up: set[int] = set()
        self._packets = 0
        self._deadline_s = 0.0
        self._routes: dict[bytes, Channel] = {}

    def dial(self, routes: dict[bytes, Channel], now_s: float) -> None:
        """Begin as the client; `routes` is where this connection enters its connection ids."""
        self._begin(routes, now_s, self._connection(is_client=True))
        self._quic.connect(self._peer, now_s)

    def admit(self, knock: ValidatedInitial, routes: dict[bytes, Channel], now_s: float) -> None:
        """Begin as the server of a client whose address is proved."""
        cids = {"original_destination_connection_id": knock.first_cid, "retry_source_connection_id": knock.retry_cid}
        quic = self._connection(is_client=False, **cids)
        self._begin(routes, now_s, quic)
        self._route(knock.retry_cid)
        self.receive(knock.datagram, now_s)
        if not self._quic.began():
            self._end("a first packet that cannot be read")

    def _connection(self, *, is_client: bool, **cids: bytes) -> HardenedConnection:
        configuration = _configuration(self._setup, is_client, self.address)
        return HardenedConnection(self._setup.resets, configuration=configuration, **cids)

    def _begin(self, routes: dict[bytes, Channel], now_s: float, quic: HardenedConnection) -> None:
        self._routes = routes
        self._quic = quic
        self._deadline_s = now_s + HANDSHAKE_S
        self.cpu = CpuBudget(now_s, self._setup.common_cpu if self.purpose is Purpose.INBOUND else None)
        self._route(quic.host_cid)

    def receive(self, datagram: bytes, now_s: float) -> None:
        """Take a datagram from the peer's address: one of our connection ids leads here, or its reset token does."""
        if self.ended or not self.cpu.try_spend(now_s):
            return
        self.bytes_in += len(datagram)
        if destination_of(datagram) in self.cids:
            self._guarded(lambda: self._quic.receive_datagram(datagram, self._peer, now_s), None)
        elif token_of(datagram) == self._quic.reset_token():
            self._quic.forget(now_s)
        self._drain()
        if not self.ended and (overrun := self._quic.overrun()) is not None:
            self.close(CloseCode.MISBEHAVED, overrun)
        self.cpu.done()

    def send(self, stream: int, data: bytes, fin: bool) -> None:
        """Queue bytes. On a stream that the other side has given up they go nowhere: the news is under way."""
        if self.ended:
            return
        with suppress(ValueError, RuntimeError):  # a finished or reset stream
            self._quic.send_stream_data(stream, data, fin)

    def reset(self, stream: int, code: int) -> None:
        """Give a stream up in both directions; no more is told of it."""
        if not self.ended and self._quic.lives(stream):
            self._given_up = {other for other in self._given_up if self._quic.lives(other)} | {stream}
            self._quic.give_up(stream, code)

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection and tell the other side why."""
        if not self.ended:
            text = printable(reason)
            self._quic.close(error_code=int(code), reason_phrase=text)
            self._end(text)

    def fail(self, reason: str) -> None:
        """End the connection because something broke on this side."""
        if not self.ended:
            self._quic.close(error_code=wire.QuicErrorCode.INTERNAL_ERROR, frame_type=wire.QuicFrameType.PADDING)
            self._end(reason)

    def expire(self, now_s: float) -> None:
        """The time that `timer` named has come."""
        if self.ended:
            return
        if not self.opened and now_s >= self._deadline_s:
            self.fail("no answer")
            return
        self._guarded(lambda: self._quic.handle_timer(now_s), None)
        self._drain()

    def timer(self) -> float | None:
        """When to call `expire`; None once ended."""
        if self.ended:
            return None
        due: float | None = self._guarded(self._quic.get_timer, None)
        if self.opened:
            return due
        return self._deadline_s if due is None else min(due, self._deadline_s)

    def outgoing(self, now_s: float) -> list[bytes]:
        """The datagrams to send now."""
        nothing: list[tuple[bytes, Any]] = []
        made = self._guarded(lambda: self._quic.datagrams_to_send(now_s), nothing)
        self._drain()
        # A server may name another address that it prefers: we send to the one that we dialled, and nowhere else.
        datagrams = [bytes(datagram) for datagram, to in made if to == self._peer]
        self.bytes_out += sum(map(len, datagrams))
        self._packets += len(datagrams)
        if self._packets >= KEY_UPDATE_PACKETS and not self.ended:
            self._packets = 0
            self._quic.request_key_update()
        return datagrams

    def events(self) -> list[TransportEvent]:
        """What has happened since the last call."""
        if self.opened and not self.ended:
            self._measure_backlog()
        events, self._events = self._events, []
        return events

    def leave(self) -> None:
        """Give the connection ids and all memory back."""
        for cid in self.cids:
            self._routes.pop(cid, None)
        self.cids.clear()
        self._quic.release()

    def _measure_backlog(self) -> None:
        unsent = self._quic.unsent_bytes()
        if unsent > MAX_UNSENT_BYTES:
            self.close(CloseCode.TOO_SLOW, "too many bytes unread")
        elif abs(unsent - self.unsent_bytes) >= BACKLOG_STEP or (not unsent and self.unsent_bytes):
            self.unsent_bytes = unsent
            self._events.append(Backlog(self.number, unsent))

    def _route(self, cid: bytes) -> None:
        self.cids.add(cid)
        self._routes[cid] = self

    def _guarded(self, act: Callable[[], T], otherwise: T) -> T:
        """Whatever breaks inside aioquic breaks this connection and no other."""
        try:
            return act()
        except AIOQUIC_FAULTS as error:
            self.fail(f"a packet that breaks the protocol: {type(error).__name__}")
            return otherwise

    def _end(self, reason: str) -> None:
        self.ended = True
        if self.opened:
            self._events.append(Closed(self.number, reason))
        elif self.purpose is not Purpose.INBOUND:
            self._events.append(DialFailed(self.address, reason))

    def _drain(self) -> None:
        """Translate what aioquic has to tell."""
        while not self.ended and (event := self._quic.next_event()) is not None:
            if isinstance(event, quic_events.StreamDataReceived):
                if self.opened and event.stream_id not in self._given_up:
                    self._events.append(Received(self.number, event.stream_id, bytes(event.data), event.end_stream))
            elif isinstance(event, quic_events.StreamReset | quic_events.StopSendingReceived):
                if self.opened and event.stream_id not in self._given_up:
                    self._events.append(StreamReset(self.number, event.stream_id, event.error_code))
            elif isinstance(event, quic_events.ConnectionIdIssued):
                self._route(event.connection_id)
            elif isinstance(event, quic_events.ConnectionIdRetired):
                self.cids.discard(event.connection_id)
                self._routes.pop(event.connection_id, None)
            elif isinstance(event, quic_events.HandshakeCompleted):
                self._welcome()
        ending = self._quic.ending()
        if ending is not None and not self.ended:
            self._end(ending)

    def _welcome(self) -> None:
        """TLS is done: see whom we have before us."""
        try:
            link = Link(self.address, _proved_id(self._quic.tls, self._setup.client_ca), self.purpose)
        except (ValueError, UnsupportedAlgorithm, tls.Alert) as error:
            self.close(CloseCode.WRONG_KEY, f"certificate refused: {error}")
            return
        self.opened = True
        if token := self._quic.reset_token():
            self._route(token)
        self._events.append(Opened(self.number, link))


def _proved_id(context: tls.Context, client_ca: bytes | None) -> bytes:
    """The node id of the certificate whose key the other side has proved. Raises ValueError, tls.Alert."""
    certificate, chain = context._peer_certificate, context._peer_certificate_chain
    if certificate is None or context.session_resumed:  # an empty Certificate message: TLS itself would let it pass
        raise ValueError("there is none")
    if context.alpn_negotiated != ALPN:
        raise ValueError("for another protocol")
    check_chain(certificate, chain)
    if client_ca is not None:
        tls.verify_certificate(certificate, chain=chain, cadata=client_ca)
    return node_id_of(certificate)
