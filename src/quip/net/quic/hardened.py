"""aioquic's sans-IO connection, with the limits that it lacks.

Private parts of aioquic are used, which is why its version is pinned: clients are asked for their certificate, windows
slide, and hostile peers meet bounds. tests/unit/net/quic hold each of these. Nothing else overrides aioquic.

What this file does not do: it tells no events of ours and knows no node; `channel` does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import connection as core
from aioquic.quic import events as quic_events
from aioquic.quic import packet as wire
from aioquic.quic.packet_builder import QuicPacketBuilder, QuicPacketBuilderStop
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream
from cryptography.exceptions import UnsupportedAlgorithm

from quip.net.limits import (
    CONNECTION_WINDOW,
    MAX_CRYPTO_BYTES,
    MAX_CRYPTO_GAPS,
    MAX_STREAM_GAPS,
    MAX_STREAMS_BIDI,
    MAX_STREAMS_UNI,
    STREAM_WINDOW,
)
from quip.net.quic.close_reasons import FORGOTTEN, own_end, peers_end
from quip.net.quic.configuration import SIGNATURES
from quip.net.quic.frame_limits import FrameCount
from quip.net.quic.stateless_reset import ResetTokens

# What hostile bytes can raise inside aioquic beside its own errors: it asserts, indexes and parses as it goes.
AIOQUIC_FAULTS = (
    ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
    UnsupportedAlgorithm, core.QuicConnectionError, QuicPacketBuilderStop, tls.Alert,
)  # fmt: skip
# Its log tells what strangers do, line by line: ours says what matters.
logging.getLogger("quic").setLevel(logging.CRITICAL)


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
