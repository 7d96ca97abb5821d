"""One QUIC connection of this node: datagrams in, events and datagrams out; `now_s` is a monotonic clock.

What this file does not do: no sockets, no timers, no limits across connections (`endpoint` has them).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from aioquic import tls
from aioquic.quic import events as quic_events
from aioquic.quic import packet as wire
from cryptography.exceptions import UnsupportedAlgorithm

from quip.net.actions import CloseCode
from quip.net.address import Address
from quip.net.events import Backlog, Closed, DialFailed, Opened, Received, Rejected, StreamReset
from quip.net.limits import BACKLOG_STEP, HANDSHAKE_S, KEY_UPDATE_PACKETS, MAX_UNSENT_BYTES
from quip.net.link import Link, Purpose
from quip.net.quic.configuration import ALPN, QuicSetup, configuration_of
from quip.net.quic.cpu_budget import CpuBudget
from quip.net.quic.datagram import ValidatedInitial, destination_of, printable
from quip.net.quic.hardened import AIOQUIC_FAULTS, HardenedConnection
from quip.net.quic.node_identity import check_chain, node_id_of
from quip.net.quic.stateless_reset import token_of

NO_ANSWER = "no answer"
T = TypeVar("T")
TransportEvent: TypeAlias = Opened | DialFailed | Rejected | Received | StreamReset | Closed | Backlog


class Channel:
    """One connection. Its events: Opened first, Closed last and once; or nothing but DialFailed or Rejected."""

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

    def admit(self, initial: ValidatedInitial, routes: dict[bytes, Channel], now_s: float) -> None:
        """Begin as the server of a client whose address is proved."""
        cids = {
            "original_destination_connection_id": initial.first_cid,
            "retry_source_connection_id": initial.retry_cid,
        }
        quic = self._connection(is_client=False, **cids)
        self._begin(routes, now_s, quic)
        self._route(initial.retry_cid)
        self.receive(initial.datagram, now_s)
        if not self._quic.began():
            self._end("a first packet that cannot be read")

    def _connection(self, *, is_client: bool, **cids: bytes) -> HardenedConnection:
        configuration = configuration_of(self._setup, is_client, self.address)
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
            self.fail(NO_ANSWER)
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
        elif reason != NO_ANSWER:  # who falls silent is not worth a line
            self._events.append(Rejected(self.address, reason, handshake=True))

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
