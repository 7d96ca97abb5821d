"""Two transports on loopback: connect, talk, part."""

from quip.net.actions import Close, CloseCode, Send
from quip.net.events import Closed, Opened
from quip.net.link import Purpose
from support.quic_endpoints import endpoint, identity


async def test_both_sides_learn_who_the_other_is() -> None:
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        seen = await bob.first(Opened)
        assert opened.link.node_id == identity("bob").node_id
        assert seen.link.node_id == identity("alice").node_id
        assert (opened.link.address, opened.link.purpose) == (bob.address, Purpose.MANUAL)
        assert (seen.link.address, seen.link.purpose) == (alice.address, Purpose.INBOUND)


async def test_streams_carry_bytes_both_ways() -> None:
    question, answer = b"q" * 10_000, b"a" * 3_000_000
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        there = (await bob.first(Opened)).connection
        alice.transport.perform(Send(opened.connection, 0, question, True))
        await bob.until(lambda: bob.read(there, 0)[1])
        assert bob.read(there, 0)[0] == question
        bob.transport.perform(Send(there, 0, answer, True))
        await alice.until(lambda: alice.read(opened.connection, 0)[1])
        assert alice.read(opened.connection, 0)[0] == answer
        assert alice.transport.traffic(opened.connection).bytes_in > len(answer)


async def test_a_close_brings_its_reason() -> None:
    async with endpoint("alice") as alice, endpoint("bob") as bob:
        opened = await alice.dial(bob)
        assert isinstance(opened, Opened)
        there = (await bob.first(Opened)).connection
        alice.transport.perform(Close(opened.connection, CloseCode.WRONG_KEY, "run: quip peers trust"))
        told = await bob.first(Closed)
        assert told == Closed(there, "closed by the other side (wrong_key): run: quip peers trust")
        assert await alice.first(Closed) == Closed(opened.connection, "run: quip peers trust")
