"""A network without sockets: QUIC as a node sees it. Reliable, ordered streams over links that lose, delay and cut.

Each chunk of a stream travels by itself: it may be lost (and is sent again), and overtakes chunks of other streams but
never of its own. A path is a pair of hosts in one direction and can be cut; who hears nothing for IDLE_S closes, and
says nothing. A crashed host says nothing either, but once it is back it tells who dialled it that it knows nothing of
the connection (a stateless reset). What this file does not do: congestion, packets, TLS.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from quip.net.actions import Close, Dial, ResetStream, Send
from quip.net.address import Address
from quip.net.events import Backlog, Closed, DialFailed, Event, Opened, Received, StreamReset
from quip.net.link import Link, Purpose
from quip.net.quic.close_reasons import FORGOTTEN
from sim.world.clock import EventQueue

IDLE_S = 60.0
"""QUIC's idle time-out."""
HANDSHAKE_S = 10.0
"""A dial that has not come through by then has failed."""
FIRST_RETRY_S = 0.3
"""A lost chunk is sent again after this, then after twice as long, and so on."""
LAST_RETRY_S = 8.0
CLOSE_TRIES = 3
"""How often the end of a connection is said before the other side has to find out by itself."""
BACKLOG_STEP = 64 << 10
"""Unsent bytes are reported when they changed by so much."""


@dataclass(frozen=True, slots=True)
class Weather:
    """How good all links are."""

    delay_s: float = 0.05
    """One way, at least."""
    jitter_s: float = 0.02
    """Added to each chunk at random: chunks of different streams overtake each other."""
    loss: float = 0.0
    """Share of chunks lost at each try."""
    bytes_per_s: float = 4e6
    pieces: float = 0.1
    """Share of sends that arrive in two parts."""


class Host(Protocol):
    """Who is on the network."""

    name: str
    address: Address
    node_id: bytes

    def happened(self, event: Event) -> None:
        """An event of the transport."""
        ...

    def admits(self, address: Address) -> bool:
        """Whether it answers a handshake from there at all."""
        ...


@dataclass(slots=True)
class _Stream:
    """One direction of one stream, at its receiver."""

    sent: int = 0
    delivered: int = 0
    waiting: dict[int, tuple[bytes, bool]] = field(default_factory=dict)
    dropped: bool = False


@dataclass(slots=True)
class _Side:
    """One end of a connection."""

    host: Host
    node_id: bytes
    number: int
    life: int
    opened: bool = False
    closed: bool = False
    heard_s: float = 0.0
    outstanding: int = 0
    reported: int = 0
    free_s: float = 0.0
    incoming: dict[int, _Stream] = field(default_factory=dict)
    early: list[tuple[int, int, bytes, bool]] = field(default_factory=list)


@dataclass(slots=True)
class _Connection:
    sides: tuple[_Side, _Side]
    """Client, server."""


class FakeNetwork:
    """Hosts by name, connections between them."""

    def __init__(self, queue: EventQueue, rng: random.Random, weather: Weather) -> None:
        self.weather = weather
        self.counts: Counter[str] = Counter()
        self._queue = queue
        self._rng = rng
        self._hosts: dict[Address, Host] = {}
        self._lives: Counter[Address] = Counter()
        self._numbers: Counter[Address] = Counter()
        self._links: dict[tuple[Address, int], tuple[_Connection, int]] = {}
        self._cuts: Counter[tuple[Address, Address]] = Counter()

    def attach(self, host: Host) -> None:
        """The host is up."""
        self._hosts[host.address] = host
        self._lives[host.address] += 1

    def detach(self, host: Host) -> None:
        """The host is gone without a word."""
        del self._hosts[host.address]
        self._lives[host.address] += 1
        for key in [key for key in self._links if key[0] == host.address]:
            connection, index = self._links.pop(key)
            connection.sides[index].closed = True

    def cut(self, source: Address, target: Address) -> None:
        """Nothing gets from `source` to `target` any more; cuts add up."""
        self._cuts[source, target] += 1

    def mend(self, source: Address, target: Address) -> None:
        """Takes one cut back."""
        self._cuts[source, target] -= 1

    def connections(self, host: Host) -> list[int]:
        """The host's open connections."""
        return [number for (address, number) in self._links if address == host.address]

    def perform(self, host: Host, action: Dial | Send | ResetStream | Close) -> None:
        """What QuicTransport.perform does."""
        if isinstance(action, Dial):
            self._dial(host, action)
            return
        found = self._links.get((host.address, action.connection))
        if found is None:
            return
        match action:
            case Send():
                self._send(*found, action)
            case ResetStream():
                self._reset(*found, action)
            case Close():
                self._close(*found, action)

    # ---- handshake

    def _dial(self, host: Host, dial: Dial) -> None:
        self.counts["dials"] += 1
        life = self._lives[host.address]
        self._try_dial(host, dial, life, self._queue.now_s + HANDSHAKE_S, FIRST_RETRY_S)

    def _try_dial(self, host: Host, dial: Dial, life: int, deadline_s: float, pause_s: float) -> None:
        if self._lives[host.address] != life:
            return
        target = self._hosts.get(dial.address)
        there = target is not None and target.admits(host.address) and self._passes(host.address, dial.address)
        if there and target is not None and self._passes(dial.address, host.address):
            client, server = self._new_side(host), self._new_side(target)
            connection = _Connection((client, server))
            delay_s = self._delay()
            self._queue.after(2 * delay_s, lambda: self._open(connection, 0, target, dial.purpose))
            self._queue.after(3 * delay_s, lambda: self._open(connection, 1, host, Purpose.INBOUND))
        elif self._queue.now_s + pause_s > deadline_s:
            self.counts["failed dials"] += 1
            host.happened(DialFailed(dial.address, "time-out"))
        else:
            retry = lambda: self._try_dial(host, dial, life, deadline_s, 2 * pause_s)  # noqa: E731 - bound below
            self._queue.after(pause_s, retry)

    def _new_side(self, host: Host) -> _Side:
        self._numbers[host.address] += 1
        return _Side(host, host.node_id, self._numbers[host.address], self._lives[host.address])

    def _open(self, connection: _Connection, index: int, other: Host, purpose: Purpose) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        if side.closed or side.life != self._lives[side.host.address] or (index == 1 and not far.opened):
            return
        if not self._is_clear(far.host.address, side.host.address):
            return
        side.opened, side.heard_s = True, self._queue.now_s
        self._links[side.host.address, side.number] = (connection, index)
        self._watch_idle(connection, index)
        side.host.happened(Opened(side.number, Link(other.address, other.node_id, purpose)))
        early, side.early = side.early, []
        for stream, place, data, fin in early:
            self._arrived(connection, index, stream, (place, data, fin))

    # ---- data

    def _send(self, connection: _Connection, index: int, send: Send) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        stream = far.incoming.setdefault(send.stream, _Stream())
        parts = [(send.data, send.fin)]
        if len(send.data) > 1 and self._rng.random() < self.weather.pieces:
            at = self._rng.randrange(1, len(send.data))
            parts = [(send.data[:at], False), (send.data[at:], send.fin)]
            self.counts["split sends"] += 1
        for data, fin in parts:
            place = stream.sent
            stream.sent += 1
            side.outstanding += len(data)
            side.free_s = max(side.free_s, self._queue.now_s) + len(data) / self.weather.bytes_per_s
            chunk = (send.stream, place, data, fin)
            self._transmit(connection, index, chunk, FIRST_RETRY_S, side.free_s - self._queue.now_s)
        self._report_backlog(side)

    def _transmit(
        self, connection: _Connection, index: int, chunk: tuple[int, int, bytes, bool], pause_s: float, wait_s: float
    ) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        if side.closed:
            return
        if not self._passes(side.host.address, far.host.address) or far.host.address not in self._hosts:
            self.counts["lost chunks"] += 1
            again_s = min(2 * pause_s, LAST_RETRY_S)
            self._queue.after(pause_s + wait_s, lambda: self._transmit(connection, index, chunk, again_s, 0.0))
            return
        self._queue.after(wait_s + self._delay(), lambda: self._land(connection, index, chunk))

    def _land(self, connection: _Connection, index: int, chunk: tuple[int, int, bytes, bool]) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        if far.closed:
            self._disown(connection, index)
            return
        if not self._is_clear(side.host.address, far.host.address):  # the path was cut while it was under way
            self._transmit(connection, index, chunk, FIRST_RETRY_S, 0.0)
            return
        side.outstanding -= len(chunk[2])
        self._report_backlog(side)
        self._heard(connection, 1 - index)
        if far.opened:
            self._arrived(connection, 1 - index, chunk[0], chunk[1:])
        else:
            far.early.append(chunk)

    def _disown(self, connection: _Connection, index: int) -> None:
        """A stateless reset: only of who was dialled, under the key that it had then, and it may be lost."""
        side, far = connection.sides[index], connection.sides[1 - index]
        there = self._hosts.get(far.host.address)
        if index != 0 or there is None or there.node_id != far.node_id:
            return
        if self._passes(far.host.address, side.host.address):
            self._queue.after(self._delay(), lambda: self._hear_reset(side))

    def _hear_reset(self, side: _Side) -> None:
        if side.opened and not side.closed:
            self.counts["resets"] += 1
            self._end(side)
            side.host.happened(Closed(side.number, FORGOTTEN))

    def _arrived(self, connection: _Connection, index: int, number: int, piece: tuple[int, bytes, bool]) -> None:
        side = connection.sides[index]
        stream = side.incoming.setdefault(number, _Stream())
        place, data, fin = piece
        if place != stream.delivered:
            self.counts["reordered chunks"] += 1
        stream.waiting[place] = (data, fin)
        while stream.delivered in stream.waiting and not stream.dropped and not side.closed:
            data, fin = stream.waiting.pop(stream.delivered)
            stream.delivered += 1
            side.host.happened(Received(side.number, number, data, fin))

    def _heard(self, connection: _Connection, index: int) -> None:
        """A packet came in, and its acknowledgement goes back."""
        side, far = connection.sides[index], connection.sides[1 - index]
        side.heard_s = self._queue.now_s
        if self._is_clear(side.host.address, far.host.address):
            far.heard_s = max(far.heard_s, self._queue.now_s + self.weather.delay_s)

    def _reset(self, connection: _Connection, index: int, reset: ResetStream) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        side.incoming.setdefault(reset.stream, _Stream()).dropped = True

        def land() -> None:
            stream = far.incoming.setdefault(reset.stream, _Stream())
            if far.opened and not far.closed and not stream.dropped:
                stream.dropped = True
                far.host.happened(StreamReset(far.number, reset.stream, reset.code))

        if self._is_clear(side.host.address, far.host.address):
            self._queue.after(self._delay(), land)

    def _report_backlog(self, side: _Side) -> None:
        much = abs(side.outstanding - side.reported) >= BACKLOG_STEP
        if (much or (side.reported and not side.outstanding)) and not side.closed:
            side.reported = side.outstanding
            self._tell(side, Backlog(side.number, side.outstanding))

    # ---- the end

    def _close(self, connection: _Connection, index: int, close: Close) -> None:
        side = connection.sides[index]
        self._end(side)
        self._tell(side, Closed(side.number, f"{close.code.name}: {close.reason}"))
        self._say_closed(connection, index, close, CLOSE_TRIES)

    def _say_closed(self, connection: _Connection, index: int, close: Close, tries: int) -> None:
        side, far = connection.sides[index], connection.sides[1 - index]
        if self._passes(side.host.address, far.host.address):
            self._queue.after(self._delay(), lambda: self._hear_closed(far, close))
        elif tries > 1:
            self._queue.after(FIRST_RETRY_S, lambda: self._say_closed(connection, index, close, tries - 1))

    def _hear_closed(self, side: _Side, close: Close) -> None:
        if side.closed:
            return
        if side.opened:
            self._end(side)
            side.host.happened(Closed(side.number, f"by peer: {close.code.name}: {close.reason}"))
        side.closed = True

    def _watch_idle(self, connection: _Connection, index: int) -> None:
        side = connection.sides[index]
        if side.closed:
            return
        left_s = side.heard_s + IDLE_S - self._queue.now_s
        if left_s > 0:
            self._queue.after(left_s, lambda: self._watch_idle(connection, index))
            return
        self.counts["idle time-outs"] += 1
        self._end(side)
        side.host.happened(Closed(side.number, "idle"))

    def _end(self, side: _Side) -> None:
        side.closed = True
        side.incoming.clear()
        self._links.pop((side.host.address, side.number), None)

    def _tell(self, side: _Side, event: Event) -> None:
        """In a moment, not in the middle of the host's own action."""
        life = side.life
        address = side.host.address
        self._queue.after(0.0, lambda: side.host.happened(event) if self._lives[address] == life else None)

    # ---- paths

    def _is_clear(self, source: Address, target: Address) -> bool:
        clear = not self._cuts[source, target]
        if not clear:
            self.counts["cut paths met"] += 1
        return clear

    def _passes(self, source: Address, target: Address) -> bool:
        return self._is_clear(source, target) and self._rng.random() >= self.weather.loss

    def _delay(self) -> float:
        return self.weather.delay_s + self._rng.random() * self.weather.jitter_s
