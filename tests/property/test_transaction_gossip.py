"""Random networks of real overlays and pools: connections come and go, and in the end every pool has every transaction.

A failing case's id is its seed.
"""

from random import Random

import pytest

from quip.net.actions import Close, CloseCode
from support.overlays import Net
from support.pool_node import with_pool
from support.pool_wallets import GWEI, new_pool, wallet

SEEDS = 12
NODES = 5
STEPS = 25


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_pool_has_every_transaction_in_the_end(seed: int) -> None:
    draw, net = Random(seed), Net()
    nodes = [with_pool(net, new_pool())]
    for number in range(1, NODES):
        peers = draw.sample([node for node, _ in nodes], draw.randint(1, min(2, number)))
        nodes.append(with_pool(net, new_pool(), *peers))
    net.run(3.0)
    senders = [wallet(f"{seed} {number}") for number in range(4)]
    nonces = dict.fromkeys(senders, 0)
    sent: set[tuple[bytes, int]] = set()
    for _ in range(STEPS):
        what = draw.random()
        if what < 0.6:
            who = draw.choice(senders)
            # Its predecessors may not have reached that node yet: then it waits there.
            draw.choice(nodes)[1].send(who.sign(nonces[who], tip=draw.randint(1, 9) * GWEI))
            sent.add((who.address, nonces[who]))
            nonces[who] += 1
        elif what < 0.7:
            node, _ = draw.choice(nodes)
            for peer in node.overlay.peers(net.now):
                net.perform(node, Close(peer.connection, CloseCode.DONE, "a cut"))
            net.settle()
        net.run(draw.choice([0.5, 1.0, 3.0]))
    net.run(60.0)
    for node, held in nodes:
        assert {(one.sender, one.nonce) for one in held.pool.inventory()} == sent, node.number
        assert held.pool.counts == (len(sent), 0)
        assert node.noted("peer banned") == []
