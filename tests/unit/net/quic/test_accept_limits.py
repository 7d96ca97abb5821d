"""Who is let in, by count and by rate."""

from dataclasses import dataclass

import pytest

from quip.net import limits
from quip.net.address import Address
from quip.net.link import Purpose
from quip.net.quic.accept_limits import AcceptLimits


@dataclass
class ConnectionInfo:
    address: Address
    purpose: Purpose = Purpose.INBOUND
    opened: bool = True


def host(group: int, number: int = 1) -> Address:
    return Address(f"8.{group % 256}.{number // 256}.{number % 256}", 20049)


def groups(count: int, opened: bool = True) -> list[ConnectionInfo]:
    return [ConnectionInfo(host(number), opened=opened) for number in range(count)]


def test_there_is_room_at_first() -> None:
    assert AcceptLimits(0.0).admits(host(1), [], 0.0)


@pytest.mark.parametrize(
    ("guests", "room"),
    [
        (groups(limits.MAX_CONNECTIONS - limits.DIALS_RESERVED - 1), True),
        (groups(limits.MAX_CONNECTIONS - limits.DIALS_RESERVED), False),
        ([ConnectionInfo(host(number), Purpose.OUTBOUND) for number in range(limits.MAX_CONNECTIONS)], False),
        (groups(limits.MAX_HALF_OPEN - 1, opened=False), True),
        (groups(limits.MAX_HALF_OPEN, opened=False), False),
        ([ConnectionInfo(host(200, number)) for number in range(limits.MAX_PER_NETGROUP - 1)], True),
        ([ConnectionInfo(host(200, number)) for number in range(limits.MAX_PER_NETGROUP)], False),
        ([ConnectionInfo(host(200, number), Purpose.OUTBOUND) for number in range(limits.MAX_PER_NETGROUP)], True),
        (
            [ConnectionInfo(host(200, number), opened=False) for number in range(limits.MAX_HALF_OPEN_PER_NETGROUP)],
            False,
        ),
        ([ConnectionInfo(host(201, number)) for number in range(limits.MAX_PER_NETGROUP)], True),
    ],
)
def test_counts(guests: list[ConnectionInfo], room: bool) -> None:
    assert AcceptLimits(0.0).admits(host(200, 999), guests, 0.0) is room


def test_neighbours_on_one_machine_are_not_counted_as_one_network() -> None:
    guests = [ConnectionInfo(Address("127.0.0.1", port)) for port in range(1, 50)]
    assert AcceptLimits(0.0).admits(Address("127.0.0.1", 99), guests, 0.0)
    assert AcceptLimits(0.0).admits(Address("192.168.1.9", 99), [ConnectionInfo(Address("192.168.1.1", 1))] * 20, 0.0)


def test_one_network_comes_slowly_and_leaves_the_others_their_turn() -> None:
    entrance = AcceptLimits(0.0)
    came = [entrance.admits(host(7, number), [], 0.0) for number in range(20)]
    assert came.count(True) == limits.ADMISSIONS_PER_GROUP_AT_ONCE
    assert entrance.admits(host(8), [], 0.0)
    assert entrance.admits(host(7), [], 1.5 / limits.ADMISSIONS_PER_GROUP_PER_S)


def test_all_together_come_at_a_bounded_rate() -> None:
    entrance = AcceptLimits(0.0)
    came = [entrance.admits(Address("127.0.0.1", 1), [], number / 1000) for number in range(2_000)]
    most = limits.ADMISSIONS_AT_ONCE + 2 * limits.ADMISSIONS_PER_S
    assert most - 2 <= came.count(True) <= most
