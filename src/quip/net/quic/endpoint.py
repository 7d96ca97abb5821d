"""All of this node's QUIC connections on one UDP socket: dials, listens, keeps the caps.

It runs on an asyncio loop and is called from that loop only. Everything that waits on the socket is read first, then
every connection that it touched tells its events and sends once. Events come from a turn of the loop of their own,
never from within `perform`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from quip.net.actions import Close, CloseCode, Dial, GrantBudget, ResetStream, Send
from quip.net.address import Address, is_dialable
from quip.net.events import DialFailed, Rejected
from quip.net.limits import (
    ANSWERS_AT_ONCE,
    ANSWERS_PER_S,
    DATAGRAM_BATCH,
    LINGER_S,
    MAX_CONNECTIONS,
    MAX_FAREWELLS,
    READING_S,
    RESETS_AT_ONCE,
    RESETS_PER_S,
)
from quip.net.link import Purpose
from quip.net.log_limit import LogLimit
from quip.net.quic.accept_limits import AcceptLimits
from quip.net.quic.channel import Channel, TransportEvent
from quip.net.quic.configuration import QuicSetup
from quip.net.quic.cpu_budget import CommonCpuBudget
from quip.net.quic.datagram import ValidatedInitial, destination_of, may_begin
from quip.net.quic.node_identity import NodeIdentity
from quip.net.quic.retry import RetryTokens
from quip.net.quic.stateless import StatelessResponder
from quip.net.quic.stateless_reset import ResetTokens, is_worth_a_reset, token_of
from quip.net.quic.udp import UdpSocket
from quip.net.token_bucket import Rate, TokenBucket

TIMER_SLACK_S = 0.0005  # the loop wakes up on its own clock

TransportAction: TypeAlias = Dial | GrantBudget | Send | ResetStream | Close


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Where to listen, and who we are."""

    host: str
    """An IP address; 0.0.0.0: all of IPv4, ::: both families."""
    port: int
    """UDP; 0: any free one."""
    identity: NodeIdentity
    client_ca: bytes | None = None
    """PEM of the authority that must have signed every peer's certificate; None: peers sign their own."""
    idle_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """UDP payload of one connection so far."""

    bytes_in: int
    bytes_out: int


@dataclass(slots=True)
class Farewell:
    """The last datagram of a connection that this side closed: said again, ever more rarely, while the other talks."""

    address: Address
    datagrams: list[bytes]
    heard: int = 0

    def again(self) -> list[bytes]:
        """What to answer to one more datagram (RFC 9000, section 10.2.1): at the 1st, 2nd, 4th, 8th, ..."""
        self.heard += 1
        return self.datagrams if self.heard & (self.heard - 1) == 0 else []


class QuicEndpoint:
    """Carries out transport actions, tells transport events."""

    def __init__(
        self,
        config: EndpointConfig,
        on_event: Callable[[TransportEvent], None],
        admits: Callable[[Address], bool],
    ) -> None:
        """`admits` is asked before a stranger is let in (bans)."""
        self._config = config
        self._resets = ResetTokens(config.identity.reset_key)
        self._on_event = on_event
        self._admits = admits
        self._stateless = StatelessResponder(RetryTokens(os.urandom(32)))
        self._channels: dict[int, Channel] = {}
        self._routes: dict[bytes, Channel] = {}
        self._farewells: dict[bytes, Farewell] = {}
        self._touched: dict[int, Channel] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._refused: list[DialFailed | Rejected] = []
        self._flushing: asyncio.Handle | None = None
        self._numbers = 0
        self._log_limit = LogLimit()
        self._socket: UdpSocket | None = None

    async def start(self) -> None:
        """Open the socket. Raises UdpPortError."""
        self._loop = asyncio.get_running_loop()
        config, now_s = self._config, self._loop.time()
        common = CommonCpuBudget.full(now_s)
        self._setup = QuicSetup(config.identity, self._resets, common, config.client_ca, config.idle_timeout_s)
        self._accept_limits = AcceptLimits(now_s)
        self._answers = TokenBucket(Rate(ANSWERS_PER_S, ANSWERS_AT_ONCE), now_s)
        self._reset_answers = TokenBucket(Rate(RESETS_PER_S, RESETS_AT_ONCE), now_s)
        self._socket = UdpSocket(config.host, config.port)
        self._loop.add_reader(self._socket.socket, self._readable)

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._config.host

    @property
    def port(self) -> int:
        """The UDP port; the real one where any was asked for."""
        assert self._socket is not None
        return self._socket.port

    def perform(self, action: TransportAction) -> None:
        """Carry an action out. Of a connection that is gone nothing is done: its Closed is under way."""
        if self._socket is None:
            return
        if isinstance(action, Dial):
            self._dial(action)
            return
        channel = self._channels.get(action.connection)
        if channel is None:
            return
        if isinstance(action, Send):
            channel.send(action.stream, action.data, action.fin)
        elif isinstance(action, ResetStream):
            channel.reset(action.stream, action.code)
        elif isinstance(action, GrantBudget):
            channel.cpu.joined(self._loop.time())
        else:
            channel.close(action.code, action.reason)
        self._touch(channel)

    @property
    def unsent_bytes(self) -> int:
        """To all peers together, as last measured."""
        return sum(channel.unsent_bytes for channel in self._channels.values())

    def unsent_to(self, connection: int) -> int:
        """To one peer, as last measured; 0 if it is gone."""
        channel = self._channels.get(connection)
        return channel.unsent_bytes if channel else 0

    def charge(self, connection: int, seconds: float) -> None:
        """So much CPU time went into acting on what the peer sent."""
        channel = self._channels.get(connection)
        if channel is not None:
            channel.cpu.charge(seconds)

    def traffic(self, connection: int) -> Traffic:
        """Bytes of a connection so far; zeros if it is gone."""
        channel = self._channels.get(connection)
        return Traffic(channel.bytes_in, channel.bytes_out) if channel else Traffic(0, 0)

    async def stop(self) -> None:
        """Close every connection with a word, then the socket. Their Closed events are told before it returns."""
        if self._socket is None:
            return
        for channel in list(self._channels.values()):
            channel.close(CloseCode.DONE, "the node stops")
            self._touch(channel)
        self._flush()
        self._loop.remove_reader(self._socket.socket)
        self._socket.close()
        self._socket = None
        if self._flushing is not None:
            self._flushing.cancel()

    def _dial(self, dial: Dial) -> None:
        reason = None
        if not is_dialable(dial.address):
            reason = "not an address that can be dialled"
        elif self._socket is not None and not self._socket.reaches(dial.address):
            reason = f"listening on {self.host}, which cannot reach that family of addresses"
        elif len(self._channels) >= MAX_CONNECTIONS:
            reason = "too many connections"
        if reason is not None:
            self._refused.append(DialFailed(dial.address, reason))
            self._flush_soon()
            return
        channel = self._new_channel(dial.address, dial.purpose)
        channel.dial(self._routes, self._loop.time())
        self._touch(channel)

    def _new_channel(self, address: Address, purpose: Purpose) -> Channel:
        self._numbers += 1
        channel = self._channels[self._numbers] = Channel(self._setup, self._numbers, address, purpose)
        return channel

    def _readable(self) -> None:
        """Read a batch, then let the connections that it touched act."""
        now_s = self._loop.time()
        for _ in range(DATAGRAM_BATCH):
            if self._socket is None or (received := self._socket.receive()) is None:
                break
            self._datagram(*received, now_s)
            if self._loop.time() > now_s + READING_S:
                break
        self._flush()

    def _datagram(self, datagram: bytes, address: Address, now_s: float) -> None:
        cid = destination_of(datagram)
        channel = self._routes.get(cid) or self._routes.get(token_of(datagram))
        if channel is not None:
            # A connection stays with the address that it began with: what comes from elsewhere is not the peer's.
            if channel.address == address:
                channel.receive(datagram, now_s)
                self._touch(channel)
            return
        farewell = self._farewells.get(cid)
        if farewell is not None:
            if farewell.address == address:
                self._send(farewell.again(), address)
            return
        if not may_begin(datagram):
            self._disown(datagram, address, now_s)
        elif self._answers.take(now_s):
            self._knock(datagram, address, now_s)

    def _disown(self, datagram: bytes, address: Address, now_s: float) -> None:
        """A packet of a connection that is not known (any more): its other side may dial again."""
        if is_worth_a_reset(datagram) and self._reset_answers.take(now_s):
            self._send([self._resets.answer(datagram)], address)

    def _knock(self, datagram: bytes, address: Address, now_s: float) -> None:
        answer = self._stateless.respond(datagram, address, now_s)
        if isinstance(answer, ValidatedInitial):
            self._admit(answer, now_s)
        elif answer is not None:
            self._send([answer], address)

    def _admit(self, initial: ValidatedInitial, now_s: float) -> None:
        if not self._setup.common_cpu.strangers.has_any(now_s):
            return  # lost, like all that strangers send now; it will try again
        connections = self._channels.values()
        reason = None
        if not self._admits(initial.address):
            reason = "its network is banned"
        elif not self._accept_limits.admits(initial.address, connections, now_s):
            reason = "too many connections, all together or from its network"
        if reason is not None:
            self._send([self._stateless.refuse(initial)], initial.address)
            self._turned_away(Rejected(initial.address, reason, handshake=False))
            return
        channel = self._new_channel(initial.address, Purpose.INBOUND)
        channel.admit(initial, self._routes, now_s)
        self._touch(channel)

    def _turned_away(self, event: Rejected) -> None:
        """Told only as often as it may be logged: the overlay has better things to do in a flood."""
        untold = self._log_limit.left_out(f"handshake {event.handshake}", self._loop.time())
        if untold is not None:
            self._refused.append(replace(event, untold=untold))
            self._flush_soon()

    def _send(self, datagrams: list[bytes], address: Address) -> OSError | None:
        error = None
        if self._socket is not None:
            for datagram in datagrams:
                error = self._socket.send(datagram, address) or error
        return error

    def _touch(self, channel: Channel) -> None:
        self._touched[channel.number] = channel
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Tell events, send, and set the timers of every connection that something happened to."""
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        refused, self._refused = self._refused, []
        touched, self._touched = self._touched, {}
        for event in refused:
            self._on_event(event)
        for channel in touched.values():
            if self._channels.get(channel.number) is channel:
                self._serve(channel)

    def _serve(self, channel: Channel) -> None:
        self._tell(channel)
        datagrams = channel.outgoing(self._loop.time())
        error = self._send(datagrams, channel.address)
        if error is not None and not channel.opened and not isinstance(error, BlockingIOError):
            channel.fail(f"cannot send: {error.strerror or error}")
        self._tell(channel)
        if channel.ended:
            self._forget(channel, datagrams)
        else:
            self._arm(channel)

    def _tell(self, channel: Channel) -> None:
        for event in channel.events():
            if isinstance(event, Rejected):
                self._turned_away(event)
            else:
                self._on_event(event)

    def _forget(self, channel: Channel, last: list[bytes]) -> None:
        cids = set(channel.cids)
        channel.leave()
        self._channels.pop(channel.number, None)
        timer = self._timers.pop(channel.number, None)
        if timer is not None:
            timer.cancel()
        if last and len(self._farewells) < MAX_FAREWELLS:
            farewell = Farewell(channel.address, last[-1:])
            self._farewells |= dict.fromkeys(cids, farewell)
            self._loop.call_later(LINGER_S, self._forget_farewell, cids)

    def _forget_farewell(self, cids: set[bytes]) -> None:
        for cid in cids:
            self._farewells.pop(cid, None)

    def _arm(self, channel: Channel) -> None:
        """One timer a connection, moved only when it must ring earlier: most datagrams put it off."""
        due = channel.timer()
        armed = self._timers.get(channel.number)
        if due is None or (armed is not None and armed.when() <= due):
            return
        if armed is not None:
            armed.cancel()
        self._timers[channel.number] = self._loop.call_at(due, self._ring, channel)

    def _ring(self, channel: Channel) -> None:
        self._timers.pop(channel.number, None)
        if self._channels.get(channel.number) is not channel:
            return
        due = channel.timer()
        now_s = self._loop.time()
        if due is not None and due <= now_s + TIMER_SLACK_S:
            channel.expire(max(now_s, due))
            self._touch(channel)
        else:
            self._arm(channel)
