"""What joined peers ask, say and leave out, and what becomes of them."""

from typing import Any

from quip.net.actions import CloseCode, Send
from quip.net.events import Closed, Event
from quip.net.limits import BROKEN_PROMISES
from quip.net.wire.messages import (
    Goodbye,
    Gossip,
    HeadClaim,
    NodeStats,
    NodeStatus,
    StatsRequest,
    StatusRequest,
    Transactions,
    TransactionsRequest,
)
from support.chains import generator
from support.overlays import Net, Node
from support.puppet import Puppet, PuppetPlayer


def talk(**setup: Any) -> tuple[Net, Node, PuppetPlayer, Node, Puppet]:
    net = Net()
    node = net.add(target_outbound=0, **setup)
    player = PuppetPlayer(net)
    peer, puppet = player.enter(node)
    net.connect(peer, node)
    return net, node, player, peer, puppet


def test_status_and_stats() -> None:
    net, node, player, peer, puppet = talk(mining=lambda: True, counters=lambda: (("blocks", 7),))
    for _ in generator(node.chain).extend(2):
        pass
    net.run(4)
    player.ask(peer, StatusRequest())
    player.ask(peer, StatsRequest())
    player.ask(peer, TransactionsRequest((bytes(32),)))
    status, stats, transactions = puppet.replies()
    head = node.chain.head
    assert isinstance(status, NodeStatus)
    assert status.head == HeadClaim(head.hash, 2, head.context.total_difficulty)
    assert (status.agent, status.mining, status.peers, status.uptime_s) == ("test/1", True, 1, 4)
    assert status.synced
    assert stats == NodeStats((("blocks", 7),))
    assert transactions == Transactions(())


def test_a_peer_that_falls_silent_is_closed_without_a_ban() -> None:
    net, node, _, peer, _ = talk()

    def silence(target: Node, event: Event) -> Event | None:
        return None if target is peer else event

    net.sift = silence
    net.run(59)
    assert len(node.overlay.peers(net.now)) == 1
    net.run(3)
    assert node.overlay.peers(net.now) == []
    assert node.closes[-1].code is CloseCode.TIMED_OUT
    assert node.storage.banned == {}


def test_garbage_is_banned() -> None:
    net, node, _, peer, puppet = talk()
    (connection,) = puppet.sessions
    net.perform(peer, Send(connection, 2, b"\xff\x00\x00\x00\x01\x00", False))
    net.settle()
    assert node.closes[-1].code is CloseCode.MISBEHAVED
    assert [ban.subject for ban in node.storage.bans()] == [f"node:{peer.setup.node_id.hex()}"]
    assert node.noted("peer banned")
    net.connect(peer, node)
    refusal = node.closes[-1]
    assert refusal.code is CloseCode.BANNED
    assert node.overlay.peers(net.now) == []


def test_a_goodbye_is_answered_by_closing() -> None:
    net, node, player, peer, _ = talk()
    player.say(peer, Goodbye(9, "stopping"))
    assert node.overlay.peers(net.now) == []
    assert node.storage.banned == {}


def test_stopping_says_goodbye_to_all_and_keeps_the_addresses() -> None:
    net, node, _, _, puppet = talk()
    other = net.add(node.address, target_outbound=0)
    net.run(2)
    for action in node.overlay.stop(net.now):
        net.perform(node, action)
    net.settle()
    assert [message.reason for message in puppet.pushed(Goodbye) if isinstance(message, Goodbye)] == ["stopping"]
    assert puppet.closed == ["stopping"]
    assert other.overlay.peers(net.now) == []
    assert [row.address for row in node.storage.rows] == [other.address]


def test_promises_that_are_never_kept_end_the_connection_without_a_ban() -> None:
    net, node, player, peer, _ = talk()
    for number in range(BROKEN_PROMISES):
        assert len(node.overlay.peers(net.now)) == 1
        player.say(peer, Gossip((HeadClaim(bytes([number]) * 32, 1, 1 << 100),)))
        net.run(1)
    assert node.overlay.peers(net.now) == []
    assert node.storage.banned == {}


def test_answers_that_were_not_asked_for_are_a_fault() -> None:
    net, node, _, peer, puppet = talk()
    (connection,) = puppet.sessions
    net.perform(peer, Send(connection, 1, b"\x31\x00\x00\x00\x02\xc1\xc0", True))
    net.settle()
    assert len(node.storage.banned) == 1


def test_events_of_closed_connections_do_nothing() -> None:
    net, node, _, _, _ = talk()
    net.give(node, Closed(99_999, "never was"))
    net.settle()
    assert len(node.overlay.peers(net.now)) == 1
