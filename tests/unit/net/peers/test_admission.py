"""Who may join: one network, one connection per pair, no self, no banned, pinned keys, and only so many."""

from dataclasses import replace
from typing import Any

import pytest

from quip.net.actions import CloseCode
from quip.net.address import Address
from quip.net.errors import RefusalCode
from quip.net.events import PolicyChanged, Rejected
from quip.net.limits import EVICTION_PROTECTED_GROUPS, EVICTION_PROTECTED_OLDEST, EVICTION_PROTECTED_PROVIDERS
from quip.net.link import Link, Purpose
from quip.net.peers.bans import node_subject
from quip.net.peers.peer_table import Peer
from quip.net.ports import Ban
from quip.net.session.events import Refused
from quip.net.wire.messages import BlockSubmit, HeadClaim
from support.chains import generator, network_spec, new_chain
from support.mutants import next_block
from support.overlays import Net, Node
from support.puppet import PuppetPlayer


def joined(net: Net, node: Node) -> list[bytes]:
    return sorted(info.node_id for info in node.overlay.peers(net.now))


def test_both_sides_know_each_other() -> None:
    net = Net()
    first = net.add()
    second = net.add(first.address)
    net.run(2)
    (seen,) = first.overlay.peers(net.now)
    (other,) = second.overlay.peers(net.now)
    assert (seen.node_id, seen.purpose, seen.public) == (second.setup.node_id, Purpose.INBOUND, second.address)
    assert (other.node_id, other.purpose, other.address) == (first.setup.node_id, Purpose.MANUAL, first.address)
    assert seen.agent == "test/2"
    assert seen.head == HeadClaim(first.chain.head.hash, 0, 0)
    assert seen.bytes_in > 0
    assert seen.bytes_out > 0
    assert second.overlay.awaited == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"protocol_version": 2}, RefusalCode.WRONG_VERSION),
        ({"chain_id": 1}, RefusalCode.WRONG_CHAIN),
        ({"genesis_hash": b"\x01" * 32}, RefusalCode.WRONG_GENESIS),
    ],
)
def test_another_network_is_refused_politely(change: dict[str, object], code: RefusalCode) -> None:
    net = Net()
    node = net.add()
    stranger, puppet = PuppetPlayer(net).enter(node)
    puppet.join = replace(puppet.join, **change)  # type: ignore[arg-type]
    net.connect(stranger, node)
    (refused,) = [event for event in puppet.heard if isinstance(event, Refused)]
    assert refused.code == code
    assert refused.reason
    net.run(5)
    assert node.overlay.peers(net.now) == []
    assert node.storage.banned == {}


def test_who_is_refused_leaves_a_line_at_the_refusing_node() -> None:
    """Of another chain, and banned: both say who it was and why."""
    net = Net()
    node = net.add()
    stranger = net.add(node.address, chain=new_chain(replace(network_spec(), chain_id=4_711)))
    net.run(5)
    line = node.noted("join refused")[0]
    assert line.level == "info"
    fields = dict(line.fields)
    assert fields["node"] == stranger.setup.node_id.hex()[:16]
    assert stranger.address.host in str(fields["address"])
    assert "chain" in str(fields["reason"])
    other = net.add()
    subject = node_subject(node.setup.node_id)
    other.storage.banned[subject] = Ban(subject, 1 << 40, "for the test", 1)
    net.give(other, PolicyChanged())
    net.connect(node, other)
    line = other.noted("peer refused")[0]
    assert line.level == "info"
    assert "banned until" in str(dict(line.fields)["reason"])


@pytest.mark.parametrize(("handshake", "event"), [(True, "handshake refused"), (False, "connection refused")])
def test_who_is_turned_away_below_the_overlay_leaves_a_line_too(handshake: bool, event: str) -> None:
    net = Net()
    node = net.add()
    net.give(node, Rejected(Address("192.0.2.9", 4_000), "certificate refused: expired" + "!" * 500, handshake))
    net.settle()
    (line,) = node.noted(event)
    assert line.level == "info"
    fields = dict(line.fields)
    assert fields["address"] == "192.0.2.9:4000"
    assert str(fields["reason"]).startswith("certificate refused: expired!")
    assert len(str(fields["reason"])) <= 200


def test_a_network_that_we_dialled_by_mistake() -> None:
    net = Net()
    spec = replace(network_spec(), chain_id=4_711)
    other = net.add(chain=new_chain(spec))
    node = net.add(other.address)
    net.run(30)
    (note, *again) = node.noted("join refused by peer")
    assert dict(note.fields)["code"] == "wrong_chain"
    assert note.level == "warning"
    assert {later.level for later in again} == {"debug"}
    assert node.overlay.peers(net.now) == []
    assert node.overlay.awaited == 1


@pytest.mark.parametrize(
    ("own", "level"),
    [
        pytest.param(Address("127.0.0.1", 30_000), "info", id="as the single-node command does"),
        pytest.param(Address("192.0.2.7", 30_000), "warning", id="it may be another machine with a copied key"),
    ],
)
def test_a_node_that_names_itself(own: Address, level: str) -> None:
    net = Net()
    node = net.add(own, address=own)
    assert node.overlay.awaited == 1
    net.run(60)
    assert node.overlay.awaited == 0
    assert {close.code for close in node.closes} == {CloseCode.SELF}
    (note,) = node.noted("that peer is this node itself")
    assert note.level == level
    assert ("hint" in dict(note.fields)) is (level == "warning")
    assert node.storage.banned == {}
    net.give(node, PolicyChanged())
    net.run(2)
    assert len(node.noted("that peer is this node itself")) == 2


def test_two_that_dial_each_other_keep_one_connection() -> None:
    net = Net()
    addresses = Address("127.0.0.1", 30_001), Address("127.0.0.1", 30_002)
    first = net.add(addresses[1], address=addresses[0])
    second = net.add(addresses[0], address=addresses[1])
    net.run(20)
    assert joined(net, first) == [second.setup.node_id]
    assert joined(net, second) == [first.setup.node_id]
    (kept,) = first.overlay.peers(net.now)
    assert kept.purpose is Purpose.MANUAL
    assert first.overlay.awaited == second.overlay.awaited == 0
    dials = len(first.closes) + len(second.closes)
    net.run(60)
    assert len(first.closes) + len(second.closes) == dials


@pytest.mark.parametrize("dialled", [False, True])
def test_a_killed_node_that_comes_back_at_once_is_let_in(dialled: bool) -> None:
    net = Net()
    server = net.add()
    client = net.add(server.address)
    net.run(10)
    killed, other = (server, client) if dialled else (client, server)
    net.remove(killed)
    again = net.add(other.address, address=killed.address, chain=killed.chain, node_id=killed.setup.node_id)
    net.run(2)
    assert joined(net, again) == [other.setup.node_id]
    assert joined(net, other) == [killed.setup.node_id]


def test_a_changed_key_is_refused_and_the_way_out_named() -> None:
    net = Net()
    first = net.add()
    second = net.add(first.address)
    net.run(2)
    assert second.storage.pins == {first.address: first.setup.node_id}
    net.remove(first)
    impostor = net.add(address=first.address)
    net.run(120)
    assert joined(net, second) == []
    (note,) = second.noted("peer refused: its key changed")
    assert f"quip peers trust {first.address}" in str(dict(note.fields)["hint"])
    assert impostor.storage.banned == second.storage.banned == {}
    second.storage.pin(first.address, impostor.setup.node_id)
    net.give(second, PolicyChanged())
    net.run(2)
    assert joined(net, second) == [impostor.setup.node_id]


def test_a_ban_by_the_operator_applies_at_once_and_can_be_lifted() -> None:

    net = Net()
    first = net.add()
    second = net.add(first.address)
    net.run(2)
    subject = node_subject(second.setup.node_id)
    first.storage.save_ban(Ban(subject, net.now.unix_s + 10_000, "by hand", 1))
    net.give(first, PolicyChanged())
    net.run(60)
    assert joined(net, first) == []
    assert first.closes[0].code is CloseCode.BANNED
    (note, *again) = [note for note in second.noted("no connection") if note.level == "warning"]
    assert "banned until 2" in str(dict(note.fields)["reason"])
    assert again == []  # at every redial the same reason
    del first.storage.banned[subject]
    net.give(first, PolicyChanged())
    net.run(40)
    assert joined(net, first) == [second.setup.node_id]


def test_when_full_the_youngest_of_the_fullest_netgroup_leaves() -> None:
    net = Net()
    limit = EVICTION_PROTECTED_OLDEST + EVICTION_PROTECTED_PROVIDERS + EVICTION_PROTECTED_GROUPS + 4
    node = net.add(max_inbound=limit, target_outbound=0, public=None)
    player = PuppetPlayer(net)
    puppets = []
    for number in range(limit):
        puppet, _ = player.enter(node, address=Address(f"66.1.0.{number + 1}", 20_049))
        net.connect(puppet, node)
        puppets.append(puppet)
        net.run(1)
    lone, _ = player.enter(node, address=Address("77.7.0.1", 20_049))
    net.connect(lone, node)
    ids = joined(net, node)
    assert len(ids) == limit
    assert lone.setup.node_id in ids
    assert puppets[-1].setup.node_id not in ids
    assert all(puppet.setup.node_id in ids for puppet in puppets[:EVICTION_PROTECTED_OLDEST])
    for number in range(40):
        puppet, _ = player.enter(node, address=Address(f"66.1.1.{number + 1}", 20_049))
        net.connect(puppet, node)
    ids = joined(net, node)
    assert len(ids) == limit
    assert lone.setup.node_id in ids


def test_full_of_protected_peers_says_so() -> None:
    net = Net()
    node = net.add(max_inbound=2, target_outbound=0, public=None)
    player = PuppetPlayer(net)
    for _ in range(2):
        net.connect(player.enter(node)[0], node)
    late, puppet = player.enter(node)
    net.connect(late, node)
    (refused,) = [event for event in puppet.heard if isinstance(event, Refused)]
    assert refused.code == RefusalCode.FULL


def test_a_banned_netgroup_stays_out_but_for_whom_the_operator_named() -> None:
    net = Net()
    named = net.add(address=Address("66.1.0.1", 1), target_outbound=0)
    node = net.add(named.address, address=Address("70.1.0.1", 1), target_outbound=0)
    other = net.add(node.address, address=Address("66.1.0.2", 1), target_outbound=0)
    net.run(3)
    assert len(joined(net, node)) == 2
    node.storage.save_ban(Ban("net:4:66.1", net.now.unix_s + 10_000, "by hand", 1))
    net.give(node, PolicyChanged())
    net.run(60)
    assert joined(net, node) == [named.setup.node_id]
    assert other.overlay.peers(net.now) == []
    assert not node.overlay.admits(Address("66.1.9.9", 1), net.now)
    assert node.overlay.admits(Address("66.2.9.9", 1), net.now)


def familiar(node: Node) -> set[int]:
    """Numbers of the nodes that a node does not take for just anybody."""
    return {int.from_bytes(peer.link.node_id, "big") for peer in node.overlay._state.peers.joined() if peer.familiar}


def test_whom_we_dialled_is_familiar_and_whoever_dials_us_is_not() -> None:
    net = Net()
    first = net.add(target_outbound=0)
    second = net.add(first.address, target_outbound=0)
    net.run(2)
    assert (familiar(first), familiar(second)) == (set(), {first.number})


def test_whom_we_dialled_once_is_familiar_when_it_dials_us() -> None:
    """Its key is pinned; somebody else under its address would have another one."""
    for same in (True, False):
        net = Net()
        first = net.add(target_outbound=0)
        second = net.add(first.address, target_outbound=0)
        net.run(2)
        net.remove(first)
        second.overlay._state.dialler._config = replace(second.setup, manual=lambda: ())
        changes: dict[str, Any] = {"node_id": first.setup.node_id} if same else {}
        again = net.add(second.address, address=first.address, target_outbound=0, **changes)
        net.run(2)
        (inbound,) = [one for one in second.overlay._state.peers.joined() if not one.link.outbound]
        assert inbound.link.node_id == again.setup.node_id
        assert inbound.familiar is same


def test_whom_the_operator_named_is_familiar_also_where_it_was_quicker() -> None:
    net = Net()
    node = net.add(Address("66.1.0.1", 20_049), target_outbound=0)
    net.run(2)
    peer = Peer(7, Link(Address("66.1.0.1", 20_049), bytes(32), Purpose.INBOUND), None, net.now)  # type: ignore[arg-type]
    other = Peer(8, Link(Address("66.1.0.1", 20_050), bytes(32), Purpose.INBOUND), None, net.now)  # type: ignore[arg-type]
    assert node.overlay._handshake._is_familiar(peer)
    assert not node.overlay._handshake._is_familiar(other)


def test_who_brought_a_block_first_is_familiar_from_then_on() -> None:
    net = Net()
    node = net.add(target_outbound=0)
    player = PuppetPlayer(net)
    puppets = [player.enter(node)[0] for _ in range(2)]
    for puppet in puppets:
        net.connect(puppet, node)
    block = next_block(generator(new_chain()))
    assert block.seal is not None
    message = BlockSubmit(block.header, block.seal, block.header.difficulty)
    for puppet in puppets:
        player.say(puppet, message)
    assert familiar(node) == {puppets[0].number}
    for puppet in puppets:
        player.hang_up(puppet)
    net.run(10)
    for puppet in puppets:
        net.connect(puppet, node)
    assert familiar(node) == {puppets[0].number}
