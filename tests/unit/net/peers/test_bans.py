"""Bans grow with every offence, are forgiven, and reach a netgroup only by several of its nodes."""

from dataclasses import replace

import pytest

from quip.net.limits import BAN_STEPS_S, BANS_KEPT, FORGIVEN_AFTER_S, GROUP_OFFENDERS, GROUP_OFFENDERS_WITHIN_S
from quip.net.peers.bans import Bans, group_subject, node_subject
from quip.net.ports import Ban
from support.peer_memory import PeerMemory

NODE = b"\x01" * 32
HOST = "1.2.3.4"
NOW = 1_800_000_000


def ids(count: int) -> list[bytes]:
    return [bytes([number]) * 32 for number in range(1, count + 1)]


def test_the_time_grows_with_every_offence() -> None:
    bans = Bans(PeerMemory())
    now = NOW
    for offences, length_s in enumerate((*BAN_STEPS_S, BAN_STEPS_S[-1]), 1):
        (ban,) = bans.punish(NODE, "127.0.0.1", "InvalidSignature", now)
        assert (ban.until_unix_s, ban.offences) == (now + length_s, offences)
        assert bans.against(NODE, HOST, now + length_s - 1) == ban
        assert bans.against(NODE, HOST, now + length_s) is None
        now += length_s


def test_a_second_offence_during_the_ban_counts_once() -> None:
    bans = Bans(PeerMemory())
    first = bans.punish(NODE, HOST, "TooFast", NOW)
    assert bans.punish(NODE, HOST, "TooFast", NOW + 1)[0] == first[0]


def test_forgiven_after_a_week() -> None:
    bans = Bans(PeerMemory())
    bans.punish(NODE, HOST, "TooFast", NOW)
    assert bans.punish(NODE, HOST, "TooFast", NOW + 60 + FORGIVEN_AFTER_S)[0].offences == 1
    assert bans.punish(NODE, HOST, "TooFast", NOW + 120 + FORGIVEN_AFTER_S)[0].offences == 2


def test_a_netgroup_is_banned_by_several_nodes_of_it() -> None:
    bans = Bans(PeerMemory())
    *some, last = ids(GROUP_OFFENDERS)
    for node_id in some:
        assert len(bans.punish(node_id, HOST, "GateClosed", NOW)) == 1
    assert bans.against(b"", "1.2.9.9", NOW) is None
    assert [ban.subject for ban in bans.punish(last, "1.2.7.7", "GateClosed", NOW)] == [
        node_subject(last),
        "net:4:1.2",
    ]
    assert bans.against(b"\xff" * 32, "1.2.9.9", NOW) is not None
    assert bans.against(b"\xff" * 32, "1.3.9.9", NOW) is None


def test_one_node_again_and_again_bans_no_netgroup() -> None:
    bans = Bans(PeerMemory())
    for repeat in range(5):
        assert len(bans.punish(NODE, HOST, "GateClosed", NOW + repeat)) == 1


def test_offenders_far_apart_ban_no_netgroup() -> None:
    bans = Bans(PeerMemory())
    for number, node_id in enumerate(ids(6)):
        assert len(bans.punish(node_id, HOST, "GateClosed", NOW + number * GROUP_OFFENDERS_WITHIN_S // 2)) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "10.0.0.1", "192.168.0.7", "fe80::1"])
def test_nearby_groups_are_never_banned(host: str) -> None:
    storage = PeerMemory()
    storage.save_ban(Ban(group_subject(host), NOW + 1_000, "by hand", 1))
    bans = Bans(storage)
    for node_id in ids(10):
        assert len(bans.punish(node_id, host, "GateClosed", NOW)) == 1
    assert bans.against(b"\xff" * 32, host, NOW) is None


def test_they_survive_a_restart_and_the_operator_changes_them() -> None:
    storage = PeerMemory()
    (ban,) = Bans(storage).punish(NODE, HOST, "GateClosed", NOW)
    bans = Bans(storage)
    assert bans.against(NODE, HOST, NOW) == ban
    del storage.banned[ban.subject]
    by_hand = Ban("net:4:9.9", NOW + 60, "by hand", 1)
    storage.save_ban(by_hand)
    assert bans.reload() == [by_hand]
    assert bans.against(NODE, HOST, NOW) is None
    assert bans.against(NODE, "9.9.1.1", NOW) == by_hand
    storage.save_ban(replace(by_hand, until_unix_s=NOW + 30))
    assert bans.reload() == []


def test_bounded() -> None:
    bans = Bans(PeerMemory())
    for number in range(BANS_KEPT + 10):
        bans.punish(number.to_bytes(32, "big"), "127.0.0.1", "TooFast", NOW)
    assert len(bans) == BANS_KEPT
