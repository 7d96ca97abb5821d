"""Real pools behind real overlays: what one node is sent all of them have, and what is to blame is blamed."""

import pytest

from quip.net.errors import InvalidTransaction
from quip.net.events import TransactionInvalid
from quip.net.limits import TRANSACTIONS_AT_ONCE, TRANSACTIONS_PER_S
from quip.net.wire.messages import (
    TransactionClaim,
    TransactionGossip,
    Transactions,
    TransactionsRequest,
)
from quip.primitives.hashes import keccak256
from support.overlays import Net
from support.pool_node import with_pool
from support.pool_wallets import Accounts, new_pool, wallet
from support.puppet import PuppetPlayer

ANNE, BERT = wallet("anne"), wallet("bert")


def claim(encoded: bytes, kind: int = 2) -> TransactionClaim:
    return kind, len(encoded), keccak256(encoded)


def test_what_one_node_is_sent_all_have_and_each_fetches_it_once() -> None:
    net = Net()
    first, one = with_pool(net, new_pool())
    second, two = with_pool(net, new_pool(), first)
    third, three = with_pool(net, new_pool(), second, first)
    _, four = with_pool(net, new_pool(), third)
    net.run(3.0)
    one.send(ANNE.sign(0), BERT.sign(0))
    net.run(3.0)
    four.send(ANNE.sign(1))
    net.run(5.0)
    everything = {keccak256(encoded) for encoded in (ANNE.sign(0), ANNE.sign(1), BERT.sign(0))}
    assert one.hashes == two.hashes == three.hashes == four.hashes == everything
    for node in (one, two, three, four):
        fetched = [encoded for _, encoded in node.fetched]
        assert len(fetched) == len(set(fetched))


def test_who_joins_later_gets_what_there_is() -> None:
    net = Net()
    first, one = with_pool(net, new_pool())
    one.send(*(ANNE.sign(nonce) for nonce in range(50)))
    _, two = with_pool(net, new_pool(), first)
    net.run(5.0)
    assert two.hashes == one.hashes
    assert len(two.hashes) == 50


def test_what_waits_behind_a_gap_is_told_when_the_gap_is_closed() -> None:
    net = Net()
    first, one = with_pool(net, new_pool())
    _, two = with_pool(net, new_pool(), first)
    net.run(3.0)
    one.send(ANNE.sign(1))
    net.run(5.0)
    assert len(two.pool) == 0
    two.send(ANNE.sign(0))
    net.run(8.0)
    assert len(two.hashes) == 2
    assert two.hashes == one.hashes


@pytest.mark.parametrize(
    "encoded",
    [ANNE.sign(0, chain_id=1), ANNE.sign(0, gas=20_999), ANNE.sign(0)[:-32] + b"\xff" * 32, b"\x02\xc0"],
    ids=["another chain", "too little gas", "nobody signed it", "no transaction"],
)
def test_a_transaction_that_no_block_can_hold_costs_its_sender_the_connection(encoded: bytes) -> None:
    net = Net()
    node, held = with_pool(net, new_pool())
    player = PuppetPlayer(net)
    peer, puppet = player.enter(node)
    net.connect(node, peer)
    puppet.answers = lambda request: Transactions((encoded,)) if isinstance(request, TransactionsRequest) else None
    player.say(peer, TransactionGossip((claim(encoded),)))
    (ban,) = node.noted("peer banned")
    assert dict(ban.fields)["rule"] == InvalidTransaction.__name__
    assert len(held.pool) == 0
    # The verdict may come after the peer has left.
    before = len(node.noted("peer banned"))
    net.give(node, TransactionInvalid(1, bytes(32), "again"))
    net.settle()
    assert len(node.noted("peer banned")) == before


def test_one_that_this_head_has_no_use_for_costs_nothing() -> None:
    net = Net()
    state = Accounts()
    state.set(ANNE, nonce=1)
    state.set(BERT, balance=1)
    node, held = with_pool(net, new_pool(state))
    _, other = with_pool(net, new_pool(), node)
    net.run(3.0)
    other.send(ANNE.sign(0), BERT.sign(0))
    net.run(5.0)
    assert len(held.fetched) == 2
    assert len(held.pool) == 0
    assert (node.notes and node.noted("peer banned")) == []
    assert len(node.overlay.peers(net.now)) == 1


def test_a_peer_that_announces_what_it_does_not_give_keeps_nobody_from_getting_it() -> None:
    net = Net()
    node, held = with_pool(net, new_pool())
    player = PuppetPlayer(net)
    liar, puppet = player.enter(node)
    puppet.silent = True
    net.connect(node, liar)
    encoded = ANNE.sign(0)
    player.say(liar, TransactionGossip((claim(encoded),)))
    assert any(isinstance(request, TransactionsRequest) for request in puppet.asked())
    _, other = with_pool(net, new_pool(), node)
    other.send(encoded)
    net.run(10.0)
    assert held.hashes == {keccak256(encoded)}


def test_one_peers_flood_is_fetched_at_its_rate_and_others_are_heard_beside_it() -> None:
    net = Net()
    node, held = with_pool(net, new_pool())
    player = PuppetPlayer(net)
    flooder, puppet = player.enter(node)
    net.connect(node, flooder)
    asked: list[bytes] = []

    def refuse(request: object) -> Transactions | None:
        if isinstance(request, TransactionsRequest):
            asked.extend(request.hashes)
            # One that it made and 255 that it never had: it stays connected.
            return Transactions(tuple(made[name] for name in request.hashes if name in made))
        return None

    puppet.answers = refuse
    seconds = 12
    made = {}
    for batch in range(seconds):
        items = []
        for number in range(1_000):
            real = number % 200 == 0
            encoded = wallet(f"{batch}").sign(number // 200) if real else b""
            name = keccak256(encoded) if real else keccak256(f"{batch} {number}".encode())
            if real:
                made[name] = encoded
            items.append((2, len(encoded) or 100, name))
        for session in puppet.sessions.values():
            session.push(TransactionGossip(tuple(items)), net.now)
        net.run(1.0)
    assert len(asked) <= TRANSACTIONS_AT_ONCE + TRANSACTIONS_PER_S * seconds
    _, honest = with_pool(net, new_pool(), node)
    honest.send(BERT.sign(0))
    net.run(5.0)
    assert keccak256(BERT.sign(0)) in held.hashes
