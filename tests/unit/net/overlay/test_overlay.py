"""Whole overlays against each other: joining, gossip, sync, bans, manual peers."""

from support.chains import generator
from support.overlays import Net


def test_two_nodes_join_and_a_mined_block_arrives() -> None:
    net = Net()
    first = net.add()
    second = net.add(first.address)
    net.run(2)
    assert [info.node_id for info in first.overlay.peers(net.now)] == [second.setup.node_id]
    assert [info.node_id for info in second.overlay.peers(net.now)] == [first.setup.node_id]
    made = generator(first.chain)
    for _ in range(3):
        net.mine(first, made.block(first.chain.head))
    assert second.chain.head.header.number == 3
    assert second.chain.head.hash == first.chain.head.hash
    assert second.seals_checked == 3
