"""Whom a node dials, how often, and who it never dials again."""

import itertools

from quip.net.actions import Action, Dial
from quip.net.address import Address, netgroup
from quip.net.events import PolicyChanged, Tick
from quip.net.limits import MANUAL_BACKOFF_MAX_S, STEADY_AFTER_S
from quip.net.link import Purpose
from quip.net.wire.messages import Peers
from support.overlays import Net, Node
from support.puppet import PuppetPlayer

NOWHERE = Address("127.0.0.1", 9)


def dials(net: Net, dialler: Node, seconds: float) -> list[float]:
    """When the node dials a peer that is not there."""
    at: list[float] = []
    perform = net.perform

    def watch(node: Node, action: Action) -> None:
        if node is dialler and isinstance(action, Dial):
            at.append(net.now_s)
        perform(node, action)

    net.perform = watch
    net.run(seconds)
    net.perform = perform
    return at


def test_a_manual_peer_is_dialled_ever_more_rarely_but_for_ever() -> None:
    net = Net()
    node = net.add(NOWHERE)
    at = dials(net, node, 300)
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert gaps[0] <= 2
    assert all(gap <= MANUAL_BACKOFF_MAX_S * 1.25 + 1 for gap in gaps)
    assert gaps[-1] >= MANUAL_BACKOFF_MAX_S * 0.75
    assert 10 <= len(at) <= 25
    assert node.overlay.awaited == 1
    net.give(node, PolicyChanged())
    assert len(dials(net, node, 3)) >= 2


def test_why_a_manual_peer_does_not_answer_is_said_once_until_it_was_there() -> None:
    net = Net()
    node = net.add(NOWHERE)
    net.run(100)
    assert [note.level for note in node.noted("dial failed")][:3] == ["warning", "debug", "debug"]
    peer = net.add(address=NOWHERE)
    net.run(MANUAL_BACKOFF_MAX_S * 1.25 + STEADY_AFTER_S + 1)
    assert node.overlay.awaited == 0
    net.remove(peer)
    net.run(100)
    assert [note.level for note in node.noted("dial failed")].count("warning") == 2


def test_it_is_found_within_the_longest_wait_once_it_is_there() -> None:
    net = Net()
    node = net.add(NOWHERE)
    net.run(300)
    net.add(address=NOWHERE)
    net.run(MANUAL_BACKOFF_MAX_S * 1.25 + 1)
    assert node.overlay.awaited == 0


def test_a_lost_manual_peer_is_dialled_at_once() -> None:
    net = Net()
    first = net.add()
    node = net.add(first.address)
    net.run(60)
    for action in first.overlay.stop(net.now):
        net.perform(first, action)
    net.remove(first)
    net.settle()
    assert node.overlay.peers(net.now) == []
    assert dials(net, node, 2) != []


def test_the_list_of_manual_peers_is_read_again() -> None:
    net = Net()
    first = net.add(target_outbound=0)
    named: list[Address] = []
    node = net.add(manual=lambda: tuple(named), target_outbound=0)
    net.run(5)
    assert node.overlay.peers(net.now) == []
    named.append(first.address)
    net.run(2)
    assert len(node.overlay.peers(net.now)) == 1


def test_a_dial_without_an_answer_is_given_up() -> None:
    net = Net()
    node = net.add(NOWHERE)
    perform = net.perform
    net.perform = lambda node, action: None if isinstance(action, Dial) else perform(node, action)
    seen = 0
    for _ in range(120):
        net.now_s += 0.5
        seen += sum(isinstance(action, Dial) for action in node.overlay.handle(Tick(), net.now))
    assert 3 <= seen <= 5


def test_an_address_of_the_book_that_joins_and_hangs_up_rests() -> None:
    """Else a stranger who is dialled could have us dial him twice a second, for ever."""
    net = Net()
    node = net.add(address=Address("70.1.0.1", 1))
    player = PuppetPlayer(net)
    fleeting, _ = player.enter(node, address=Address("66.1.0.1", 1))
    now_s = net.now.unix_s
    assert node.overlay._state.book.learn(fleeting.address, "66.1.0.9", now_s, now_s)
    joined = 0
    for _ in range(40):
        net.run(1)
        joined += len(node.overlay.peers(net.now))
        player.hang_up(fleeting)
    assert joined == 1


def test_honest_outbound_majority_under_sybils() -> None:
    """180 sybils in three networks, telling only of each other, against twelve honest nodes; and after a restart."""
    net = Net()
    honest = [net.add(address=Address(f"70.{number}.0.1", 1), target_outbound=0) for number in range(12)]
    guide = net.add(address=Address("80.1.0.1", 1), target_outbound=0)
    player = PuppetPlayer(net)
    sybils = [Address(f"66.{number % 3}.{number // 3}.1", 1) for number in range(180)]
    told = Peers(tuple((address, (1 << 32) - 1) for address in sybils))
    for address in sybils:
        _, puppet = player.enter(guide, address=address)
        puppet.answers = lambda request: told
    for node in honest:
        net.connect(node, guide)
    victim = net.add(guide.address, sybils[0], sybils[1], address=Address("90.1.0.1", 1))
    for start in (0, 1):
        net.run(400)
        chosen = [peer for peer in victim.overlay.peers(net.now) if peer.purpose is Purpose.OUTBOUND]
        evil = [peer for peer in chosen if netgroup(peer.address.host).startswith("4:66.")]
        assert len(chosen) == 8, start
        assert len(evil) <= 3, start
        net.remove(victim)
        victim = net.add(guide.address, address=victim.address, storage=victim.storage, node_id=victim.setup.node_id)
