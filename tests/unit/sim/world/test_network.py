"""The fake network keeps QUIC's promises: streams whole and in order, silence closes, cuts hold, crashes are mute."""

import random

import pytest

from quip.net.actions import Close, CloseCode, Dial, ResetStream, Send
from quip.net.address import Address
from quip.net.events import Closed, DialFailed, Event, Opened, Received, StreamReset
from quip.net.link import Purpose
from quip.net.quic.close_reasons import FORGOTTEN
from sim.world.clock import EventQueue
from sim.world.network import HANDSHAKE_S, IDLE_S, FakeNetwork, Weather


class Host:
    """Writes down what happens."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.address = Address(f"51.{number}.0.1", 1)
        self.node_id = bytes([number]) * 32
        self.events: list[Event] = []

    def happened(self, event: Event) -> None:
        self.events.append(event)

    def admits(self, address: Address) -> bool:
        return True

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        return [event for event in self.events if isinstance(event, kind)]

    def stream(self, number: int) -> bytes:
        return b"".join(event.data for event in self.of(Received) if event.stream == number)


class Pair:
    """Two hosts; the first has dialled the second."""

    def __init__(self, weather: Weather, seed: int = 1) -> None:
        self.queue = EventQueue()
        self.network = FakeNetwork(self.queue, random.Random(seed), weather)
        self.client, self.server = Host("a", 1), Host("b", 2)
        self.network.attach(self.client)
        self.network.attach(self.server)
        self.network.perform(self.client, Dial(self.server.address, Purpose.MANUAL))

    def send(self, stream: int, data: bytes, fin: bool = False) -> None:
        self.network.perform(self.client, Send(1, stream, data, fin))


STORMY = Weather(delay_s=0.1, jitter_s=0.3, loss=0.3, pieces=0.5)


def test_a_handshake_opens_both_sides() -> None:
    pair = Pair(Weather())
    pair.queue.run_until(1.0)
    (client,), (server,) = pair.client.of(Opened), pair.server.of(Opened)
    assert (client.link.address, client.link.node_id, client.link.purpose) == (
        pair.server.address, pair.server.node_id, Purpose.MANUAL,
    )  # fmt: skip
    assert (server.link.address, server.link.purpose) == (pair.client.address, Purpose.INBOUND)


@pytest.mark.parametrize("seed", range(5))
def test_streams_stay_whole_and_in_order_whatever_the_weather(seed: int) -> None:
    pair = Pair(STORMY, seed)
    pair.queue.run_until(20.0)
    for number in range(50):
        pair.send(4, bytes([number, number]), fin=number == 49)
        pair.send(8, bytes([number]))
    pair.queue.run_until(80.0)
    assert pair.server.stream(4) == bytes(number // 2 for number in range(100))
    assert pair.server.stream(8) == bytes(range(50))
    assert [event.fin for event in pair.server.of(Received) if event.stream == 4].count(True) == 1
    assert pair.network.counts["lost chunks"] > 0
    assert pair.network.counts["reordered chunks"] > 0
    assert pair.network.counts["split sends"] > 0


def test_nobody_there_fails_the_dial() -> None:
    pair = Pair(Weather())
    pair.network.perform(pair.client, Dial(Address("9.9.9.9", 1), Purpose.FEELER))
    pair.queue.run_until(2 * HANDSHAKE_S)
    assert [event.address.host for event in pair.client.of(DialFailed)] == ["9.9.9.9"]


def test_what_was_sent_into_a_cut_arrives_after_it() -> None:
    pair = Pair(Weather())
    pair.queue.run_until(1.0)
    pair.network.cut(pair.client.address, pair.server.address)
    pair.send(4, b"late")
    pair.queue.run_until(30.0)
    assert pair.server.stream(4) == b""
    pair.network.mend(pair.client.address, pair.server.address)
    pair.queue.run_until(45.0)
    assert pair.server.stream(4) == b"late"


def test_without_acknowledgements_both_sides_fall_silent() -> None:
    pair = Pair(Weather())
    pair.queue.run_until(1.0)
    pair.network.cut(pair.server.address, pair.client.address)
    for second in range(1, 200, 15):
        pair.queue.at(second, lambda: pair.send(2, b"beat"))
    pair.queue.run_until(IDLE_S + 3)
    assert [event.reason for event in pair.client.of(Closed)] == ["idle"]
    assert pair.server.of(Closed) == []
    pair.queue.run_until(3 * IDLE_S)
    assert [event.reason for event in pair.server.of(Closed)] == ["idle"]


def test_a_crash_says_nothing_and_a_close_does() -> None:
    for crash in (True, False):
        pair = Pair(Weather())
        pair.queue.run_until(1.0)
        if crash:
            pair.network.detach(pair.server)
        else:
            pair.network.perform(pair.server, Close(1, CloseCode.DONE, "bye"))
        pair.queue.run_until(2.0)
        assert bool(pair.client.of(Closed)) is not crash
        pair.queue.run_until(2 * IDLE_S)
        assert len(pair.client.of(Closed)) == 1
        assert pair.network.connections(pair.client) == []


def test_who_comes_back_disowns_the_connections_of_its_former_life() -> None:
    pair = Pair(Weather())
    pair.queue.run_until(1.0)
    pair.network.detach(pair.server)
    pair.send(4, b"x")
    pair.queue.run_until(5.0)
    assert pair.client.of(Closed) == []
    pair.network.attach(pair.server)
    pair.queue.run_until(20.0)
    assert [event.reason for event in pair.client.of(Closed)] == [FORGOTTEN]
    assert pair.server.of(Received) == []
    assert pair.network.connections(pair.client) == []


def test_nobody_disowns_under_another_key_or_whom_it_dialled() -> None:
    for client_dies in (True, False):
        pair = Pair(Weather())
        pair.queue.run_until(1.0)
        dead, left = (pair.client, pair.server) if client_dies else (pair.server, pair.client)
        pair.network.detach(dead)
        if not client_dies:
            dead.node_id = bytes(32)
        pair.network.attach(dead)
        pair.network.perform(left, Send(1, 4 if left is pair.client else 1, b"x", False))
        pair.queue.run_until(IDLE_S)
        assert left.of(Closed) == []
        pair.queue.run_until(2 * IDLE_S)
        assert [event.reason for event in left.of(Closed)] == ["idle"]


def test_a_reset_ends_a_stream_in_both_directions() -> None:
    pair = Pair(Weather())
    pair.queue.run_until(1.0)
    pair.send(4, b"x")
    pair.network.perform(pair.client, ResetStream(1, 4, 7))
    pair.queue.run_until(2.0)
    pair.network.perform(pair.server, Send(1, 4, b"answer", True))
    pair.queue.run_until(3.0)
    assert [(event.stream, event.code) for event in pair.server.of(StreamReset)] == [(4, 7)]
    assert pair.client.stream(4) == b""
