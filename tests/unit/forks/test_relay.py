"""The relay between two nodes: passes datagrams both ways, loses all of them while it is cut."""

import socket

from benchmarks.forks.relay import CLIENTS, Link, UdpRelay
from support.node_process import wait_until

WAIT_S = 10.0


def udp() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind(("127.0.0.1", 0))
    found.settimeout(WAIT_S)
    return found


def test_it_passes_both_ways_and_loses_what_comes_while_it_is_cut() -> None:
    with udp() as target, udp() as client, Link([target.getsockname()[1]]) as link:
        (relay,) = link.relays
        place = ("127.0.0.1", relay.port)
        client.sendto(b"one", place)
        data, seen = target.recvfrom(100)
        assert data == b"one" and seen != client.getsockname()
        target.sendto(b"answer", seen)
        assert client.recvfrom(100) == (b"answer", place)
        link.cut()
        client.sendto(b"lost", place)
        target.sendto(b"lost too", seen)
        wait_until(lambda: link.lost == 2, "two lost datagrams")
        link.mend()
        client.sendto(b"two", place)
        assert target.recvfrom(100) == (b"two", seen)
        target.sendto(b"again", seen)
        assert client.recvfrom(100)[0] == b"again"


def test_strangers_cannot_speak_for_the_target() -> None:
    with udp() as target, udp() as client, udp() as stranger, UdpRelay(target.getsockname()[1]) as relay:
        client.sendto(b"hello", ("127.0.0.1", relay.port))
        back = target.recvfrom(100)[1]
        stranger.sendto(b"forged", back)
        target.sendto(b"true", back)
        assert client.recvfrom(100)[0] == b"true"


def test_it_remembers_few_clients() -> None:
    with udp() as target, UdpRelay(target.getsockname()[1]) as relay:
        seen = set()
        for _ in range(CLIENTS + 2):
            with udp() as client:
                client.sendto(b"x", ("127.0.0.1", relay.port))
                seen.add(target.recvfrom(100)[1])
        assert len(seen) >= CLIENTS
        assert len(relay._backs) == CLIENTS
