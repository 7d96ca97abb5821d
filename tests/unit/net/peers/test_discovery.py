"""Nodes find each other through one they know; addresses go only where they can be dialled, and only so often."""

from random import Random

import pytest

from quip.net.address import Address, is_nearby, netgroup
from quip.net.limits import FEELER_EVERY_S, MAX_ANCHORS, MAX_PEERS, PEERS_ANSWER_EVERY_S, SAVE_EVERY_S, SAVE_SOON_S
from quip.net.link import Purpose
from quip.net.wire.messages import Peers, PeersRequest
from support.overlays import Net, Node
from support.puppet import PuppetPlayer


def neighbours(net: Net, node: Node) -> set[bytes]:
    return {info.node_id for info in node.overlay.peers(net.now)}


def test_four_terminals_on_one_machine() -> None:
    """Three nodes know only the first; within two minutes everybody knows everybody."""
    net = Net()
    bootstrap = net.add()
    others = []
    for _ in range(3):
        others.append(net.add(bootstrap.address))
        net.run(5)
    net.run(120)
    everybody = {node.setup.node_id for node in (bootstrap, *others)}
    for node in (bootstrap, *others):
        assert neighbours(net, node) == everybody - {node.setup.node_id}


def test_they_find_each_other_again_without_the_bootstrap() -> None:
    net = Net()
    bootstrap = net.add()
    nodes = [net.add(bootstrap.address) for _ in range(3)]
    net.run(200)
    for node in (bootstrap, *nodes):
        net.remove(node)
    again = [
        net.add(address=node.address, chain=node.chain, storage=node.storage, node_id=node.setup.node_id)
        for node in nodes
    ]
    net.run(120)
    for node in again:
        assert len(neighbours(net, node)) == 2


def test_a_killed_node_dials_those_that_had_dialled_it() -> None:
    net = Net()
    node = net.add()
    follower = net.add(node.address)
    net.run(SAVE_SOON_S + 2)
    net.remove(node)
    again = net.add(address=node.address, storage=node.storage, node_id=node.setup.node_id)
    net.run(3)
    assert neighbours(net, again) == {follower.setup.node_id}
    assert neighbours(net, follower) == {node.setup.node_id}


@pytest.mark.parametrize(
    ("asker", "told"),
    [
        ("127.0.0.1", {"127.0.0.9", "10.0.0.9", "8.1.0.9"}),
        ("10.0.0.1", {"10.0.0.9", "8.1.0.9"}),
        ("9.9.9.9", {"8.1.0.9"}),
    ],
)
def test_addresses_go_only_where_they_can_be_dialled(asker: str, told: set[str]) -> None:
    net = Net()
    node = net.add(target_outbound=0)
    for host in ("127.0.0.9", "10.0.0.9", "8.1.0.9"):
        net.connect(net.add(address=Address(host, 1), target_outbound=0), node)
    player = PuppetPlayer(net)
    curious, puppet = player.enter(node, address=Address(asker, 2))
    net.connect(curious, node)
    player.ask(curious, PeersRequest())
    (answer,) = puppet.replies()
    assert isinstance(answer, Peers)
    assert {address.host for address, _ in answer.peers} == told


def test_one_answer_a_minute() -> None:
    net = Net()
    node = net.add(target_outbound=0)
    net.connect(net.add(target_outbound=0), node)
    player = PuppetPlayer(net)
    curious, puppet = player.enter(node)
    net.connect(curious, node)
    player.ask(curious, PeersRequest())
    for _ in range(3):
        net.run(PEERS_ANSWER_EVERY_S * 0.7)
        player.ask(curious, PeersRequest())
    sizes = [len(reply.peers) for reply in puppet.replies() if isinstance(reply, Peers)]
    assert sizes == [1, 0, 1]  # the fourth is not even sent: requests have a rate of their own


def test_a_public_peer_cannot_plant_private_addresses() -> None:
    net = Net()
    liar_address = Address("66.1.0.1", 20_049)
    node = net.add(liar_address)
    liar, puppet = PuppetPlayer(net).enter(node, address=liar_address)
    planted = [Address(host, 20_049) for host in ("127.0.0.1", "10.0.0.1", "0.0.0.0", "224.0.0.1", "55.1.1.1")]
    puppet.answers = lambda request: Peers(tuple((address, 1 << 31) for address in planted))
    net.run(5)
    net.run(SAVE_EVERY_S + 1)
    known = {row.address for row in node.storage.rows}
    assert known == {liar_address, Address("55.1.1.1", 20_049)}
    assert all(row.last_seen_unix_s <= net.now.unix_s for row in node.storage.rows)
    assert liar.address == liar_address


def test_chosen_peers_are_diverse_and_anchors_are_kept() -> None:
    net = Net()
    for number in range(40):
        net.add(address=Address(f"66.{number % 2}.0.{number + 1}", 1), target_outbound=0)
    for number in range(12):
        net.add(address=Address(f"70.{number}.0.1", 1), target_outbound=0)
    guide = net.add(address=Address("80.1.0.1", 1), target_outbound=0)
    for node in list(net.nodes.values())[:-1]:
        net.connect(node, guide)
    node = net.add(guide.address, address=Address("90.1.0.1", 1))
    net.run(120)
    chosen = [peer for peer in node.overlay.peers(net.now) if peer.purpose is Purpose.OUTBOUND]
    assert len(chosen) == 8
    groups = [netgroup(peer.address.host) for peer in chosen]
    assert all(groups.count(group) <= 2 for group in groups)
    net.run(SAVE_EVERY_S)
    assert len(node.storage.dialled_first) == MAX_ANCHORS
    assert set(node.storage.dialled_first) <= {peer.address for peer in chosen}
    net.remove(node)
    again = net.add(address=node.address, storage=node.storage, node_id=node.setup.node_id)
    net.run(10)
    dialled = {peer.address for peer in again.overlay.peers(net.now)}
    assert set(node.storage.dialled_first) <= dialled


def test_feelers_try_unknown_addresses() -> None:
    net = Net()
    guide = net.add(address=Address("80.1.0.1", 1), target_outbound=0)
    for number in range(12):
        net.connect(net.add(address=Address(f"70.{number}.0.1", 1), target_outbound=0), guide)
    node = net.add(guide.address, address=Address("90.1.0.1", 1), target_outbound=2)
    net.run(SAVE_EVERY_S + 10)
    before = sum(row.tried for row in node.storage.rows)
    net.run(10 * FEELER_EVERY_S)
    assert sum(row.tried for row in node.storage.rows) > before
    assert len([peer for peer in node.overlay.peers(net.now) if peer.purpose is Purpose.OUTBOUND]) == 2
    assert [peer for peer in node.overlay.peers(net.now) if peer.purpose is Purpose.FEELER] == []


def test_answers_are_bounded() -> None:
    net = Net()
    node = net.add(Address("66.1.0.1", 1), target_outbound=0)
    _, puppet = PuppetPlayer(net).enter(node, address=Address("66.1.0.1", 1))
    rng = Random(1)
    hosts = {f"{rng.randrange(30, 90)}.{rng.randrange(256)}.{rng.randrange(256)}.1" for _ in range(MAX_PEERS)}
    puppet.answers = lambda request: Peers(tuple((Address(host, 1), 1) for host in sorted(hosts)))
    net.run(SAVE_EVERY_S + 5)
    assert len(node.storage.rows) <= MAX_PEERS + 1
    assert not any(is_nearby(netgroup(row.address.host)) for row in node.storage.rows)
