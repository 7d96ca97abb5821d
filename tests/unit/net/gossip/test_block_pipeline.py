"""New blocks: relayed once their seal is good, imported once whole; and what bad ones cost whom."""

from dataclasses import replace

import pytest

from quip.chain.chain import Chain
from quip.chain.limits import SIDE_BLOCK_WORTH
from quip.chain.view import ChainReader
from quip.consensus.types.block import Block, BlockBody
from quip.net.actions import CloseCode
from quip.net.chain_server import ChainServer
from quip.net.errors import RefusalCode
from quip.net.events import Event, SealsChecked
from quip.net.limits import PUSH_AT_LEAST
from quip.net.wire.messages import (
    BlockRequest,
    BlockResponse,
    BlockSubmit,
    Bodies,
    BodiesRequest,
    Goodbye,
    Gossip,
    HeadClaim,
    Heartbeat,
)
from sim.liars.lies import closed_gate, flip, with_seal
from support.chains import flat_spec, generator, network_spec, new_chain
from support.mutants import next_block, seal_header, with_header, with_transactions
from support.overlays import Net, Node
from support.puppet import Puppet, PuppetPlayer
from support.signers import cousin


def submit(node: Node, block: Block) -> BlockSubmit:
    """With the true total difficulty, where the node knows the parent; on top of its head otherwise."""
    assert block.seal is not None
    below = node.chain.tree.context(block.header.parent_hash) or node.chain.head.context
    return BlockSubmit(block.header, block.seal, below.total_difficulty + block.header.difficulty)


def claim_of(node: Node, block: Block) -> HeadClaim:
    total = node.chain.head.context.total_difficulty + block.header.difficulty
    return HeadClaim(block.header.hash, block.header.number, total)


def one_against(
    count: int = 1, chain: Chain | None = None
) -> tuple[Net, Node, PuppetPlayer, list[tuple[Node, Puppet]]]:
    """A node with puppets around it."""
    net = Net()
    node = net.add(target_outbound=0, chain=chain)
    player = PuppetPlayer(net)
    puppets = []
    for _ in range(count):
        puppet = player.enter(node)
        net.connect(puppet[0], node)
        puppets.append(puppet)
    return net, node, player, puppets


def submitted(puppet: Puppet) -> list[bytes]:
    return [message.header.hash for message in puppet.pushed(BlockSubmit) if isinstance(message, BlockSubmit)]


def announced(puppet: Puppet) -> list[bytes]:
    messages = [message for message in puppet.pushed(Gossip) if isinstance(message, Gossip)]
    return [claim.hash for message in messages for claim in message.blocks]


def test_a_chain_of_nodes_passes_blocks_on() -> None:
    net = Net()
    nodes = [net.add(target_outbound=0)]
    for _ in range(5):
        nodes.append(net.add(nodes[-1].address, target_outbound=0))
    net.run(3)
    made = generator(nodes[0].chain)
    for _ in range(4):
        net.mine(nodes[0], made.block(nodes[0].chain.head))
    assert {node.chain.head.hash for node in nodes} == {nodes[0].chain.head.hash}
    assert [node.seals_checked for node in nodes] == [0, 4, 4, 4, 4, 4]


def test_some_get_the_block_the_rest_its_hash() -> None:
    net, node, _, puppets = one_against(20)
    block = next_block(generator(node.chain))
    net.mine(node, block)
    pushed = [puppet for _, puppet in puppets if submitted(puppet)]
    told = [puppet for _, puppet in puppets if announced(puppet)]
    assert len(pushed) == max(PUSH_AT_LEAST, 5)
    assert len(pushed) + len(told) == len(puppets)
    assert all(len(submitted(puppet)) + len(announced(puppet)) == 1 for _, puppet in puppets)


def test_it_is_relayed_to_others_and_imported_once() -> None:
    net, node, player, puppets = one_against(3)
    (first, sender), (second, other), (_, third) = puppets
    block = next_block(generator(new_chain()))
    for _ in range(2):
        player.say(first, submit(node, block))
    player.say(second, submit(node, block))
    assert node.chain.head.hash == block.header.hash
    assert node.seals_checked == 1
    assert submitted(sender) == announced(sender) == []
    assert submitted(other) + submitted(third) == [block.header.hash] * 2
    (info,) = [info for info in node.overlay.peers(net.now) if info.node_id == first.setup.node_id]
    assert info.blocks_first == 1


def test_an_announced_block_is_fetched() -> None:
    _net, node, player, ((first, puppet), (_, other)) = one_against(2)
    block = next_block(generator(new_chain()))
    puppet.answers = lambda request: BlockResponse(block)
    player.say(first, Gossip((claim_of(node, block),)))
    assert node.chain.head.hash == block.header.hash
    assert submitted(other) == [block.header.hash]


def test_a_silent_announcer_is_replaced_by_the_next() -> None:
    net, node, player, puppets = one_against(4)
    block = next_block(generator(new_chain()))
    silent, empty, leaving, honest = (puppet for _, puppet in puppets)
    silent.silent = leaving.silent = True
    empty.answers = lambda request: BlockResponse(None)
    honest.answers = lambda request: BlockResponse(block)
    for peer, _ in puppets:
        player.say(peer, Gossip((claim_of(node, block),)))
    net.run(3)
    asked = [BlockRequest(block.header.hash)]
    assert [silent.asked(), empty.asked(), leaving.asked(), honest.asked()] == [asked, asked, asked, []]
    player.hang_up(puppets[2][0])
    assert node.chain.head.hash == block.header.hash
    assert len(node.overlay.peers(net.now)) == 3


def test_another_block_than_asked_for_is_a_lie() -> None:
    _net, node, player, ((first, puppet),) = one_against()
    made = generator(new_chain())
    block, wrong = next_block(made), made.block(made.chain.head)
    puppet.answers = lambda request: BlockResponse(wrong)
    player.say(first, Gossip((claim_of(node, block),)))
    assert node.closes[-1].code is CloseCode.MISBEHAVED
    assert len(node.storage.banned) == 1


@pytest.mark.parametrize("mutant", ["seal", "gate", "difficulty", "timestamp"])
def test_a_block_that_breaks_a_rule_bans_its_sender_only(mutant: str) -> None:
    net, node, player, ((first, _), (_, other)) = one_against(2)
    made = generator(new_chain())
    block = next_block(made)
    bad = {
        "seal": lambda: with_seal(block, ecdsa_signature=flip(block.seal.ecdsa_signature)),  # type: ignore[union-attr]
        "gate": lambda: closed_gate(made.chain.spec, block),
        "difficulty": lambda: with_header(made.chain, block, difficulty=block.header.difficulty + 1),
        "timestamp": lambda: with_header(made.chain, block, timestamp=0),
    }[mutant]()
    player.say(first, submit(node, bad))
    assert node.chain.head.header.number == 0
    assert node.closes[-1].code is CloseCode.MISBEHAVED
    assert [ban.subject for ban in node.storage.bans()] == [f"node:{first.setup.node_id.hex()}"]
    assert submitted(other) == announced(other) == []
    assert len(node.overlay.peers(net.now)) == 1


@pytest.mark.parametrize("politely", [False, True])
def test_who_leaves_before_the_verdict_is_banned_all_the_same(politely: bool) -> None:
    net, node, player, ((liar, puppet), _) = one_against(2)
    block = next_block(generator(new_chain()))
    assert block.seal is not None
    bad = with_seal(block, ecdsa_signature=flip(block.seal.ecdsa_signature))
    verdicts: list[Event] = []

    def kept_back(at: Node, event: Event) -> Event | None:
        if isinstance(event, SealsChecked):
            verdicts.append(event)
            return None
        return event

    net.sift = kept_back
    player.say(liar, submit(node, bad))
    if politely:
        player.say(liar, Goodbye(RefusalCode.STOPPING, "stopping"))
    else:
        player.hang_up(liar)
    net.sift = lambda at, event: event
    assert node.storage.banned == {}
    net.give(node, verdicts[0])
    net.settle()
    assert [ban.subject for ban in node.storage.bans()] == [f"node:{liar.setup.node_id.hex()}"]
    assert len(node.overlay.peers(net.now)) == 1
    assert not puppet.sessions


def test_a_bad_seal_first_does_not_keep_the_block_out() -> None:
    _net, node, player, ((liar, _), (honest, _)) = one_against(2)
    block = next_block(generator(new_chain()))
    assert block.seal is not None
    bad = with_seal(block, ecdsa_signature=flip(block.seal.ecdsa_signature))
    player.say(liar, submit(node, bad))
    player.say(honest, submit(node, block))
    assert node.chain.head.hash == block.header.hash
    assert [ban.subject for ban in node.storage.bans()] == [f"node:{liar.setup.node_id.hex()}"]


def test_a_block_whose_execution_fails_is_not_the_relayers_fault() -> None:
    _net, node, player, ((first, _), (_, other)) = one_against(2)
    made = generator(new_chain())
    bad = with_header(made.chain, next_block(made), state_root=b"\x01" * 32)
    player.say(first, submit(node, bad))
    assert submitted(other) == [bad.header.hash]
    assert node.chain.head.header.number == 0
    assert node.noted("invalid block")
    assert node.storage.banned == {}
    # But nobody honest has it for a head, announces it, or builds on it.
    player.say(first, Heartbeat(1, claim_of(node, bad)))
    assert len(node.storage.banned) == 1


def test_who_announces_and_serves_a_block_that_fails_is_at_fault() -> None:
    _net, node, player, ((first, puppet),) = one_against()
    made = generator(new_chain())
    bad = with_header(made.chain, next_block(made), state_root=b"\x01" * 32)
    puppet.answers = lambda request: BlockResponse(bad)
    player.say(first, Gossip((claim_of(node, bad),)))
    assert len(node.storage.banned) == 1


def test_an_early_block_is_neither_relayed_nor_punished_and_comes_in_its_time() -> None:
    spec = replace(network_spec(), difficulty=replace(network_spec().difficulty, future_limit=15))
    net = Net()
    node = net.add(target_outbound=0, chain=new_chain(spec))
    player = PuppetPlayer(net)
    puppets = [player.enter(node) for _ in range(2)]
    for peer, _ in puppets:
        net.connect(peer, node)
    made = generator(new_chain(spec))
    early = with_header(made.chain, next_block(made), timestamp=net.now.unix_s + 20)
    # The controller's level does not depend on block 1's time.
    for _ in range(3):
        player.say(puppets[0][0], submit(node, early))
    assert node.chain.head.header.number == 0
    assert node.seals_checked == 1
    assert len(node.chain.future) == 1
    assert submitted(puppets[1][1]) == []
    assert node.storage.banned == {}
    net.run(6)
    for block in node.chain.future.due(net.now.unix_s):
        node.chain.accept(block, net.now.unix_s)
    net.settle()
    assert node.chain.head.hash == early.header.hash
    assert announced(puppets[1][1]) == [early.header.hash]


def test_children_wait_for_their_parent() -> None:
    net, node, player, ((first, _),) = one_against()
    made = generator(new_chain())
    blocks = []
    for _ in range(3):
        blocks.append(made.block(made.chain.head))
        made.accept(blocks[-1])
    held: list[object] = []

    def hold(target: Node, event: object) -> object:
        if target is node and type(event).__name__ == "SealsChecked":
            held.append(event)
            return None
        return event

    net.sift = hold  # type: ignore[assignment]
    total = node.chain.head.context.total_difficulty
    for block in blocks:
        total += block.header.difficulty
        player.say(first, replace(submit(node, block), total_difficulty=total))
    assert len(held) == 1
    net.sift = lambda target, event: event
    for event in held:
        net.give(node, event)  # type: ignore[arg-type]
    net.settle()
    assert node.chain.head.hash == blocks[-1].header.hash


def test_an_unknown_parent_is_a_matter_for_sync() -> None:
    net = Net()
    ahead, node = net.add(target_outbound=0), net.add(target_outbound=0)
    made = generator(ahead.chain)
    for _ in made.extend(10):
        pass
    net.settle()
    net.connect(node, ahead)
    net.run(3)
    assert node.chain.head.hash == ahead.chain.head.hash
    assert node.storage.banned == ahead.storage.banned == {}


def test_a_body_is_fetched_and_a_wrong_one_costs_its_sender() -> None:
    net, node, player, puppets = one_against(3)
    made = generator(new_chain())
    block = with_transactions(made.chain, next_block(made))
    silent, wrong, right = (puppet for _, puppet in puppets)
    silent.silent = True
    wrong.answers = lambda request: Bodies((BlockBody((b"\x02\xc1\x01",)),))
    right.answers = lambda request: Bodies((block.body,))
    for peer, _ in puppets:
        player.say(peer, submit(node, block))
    net.run(3)
    asked = [BodiesRequest((block.header.hash,))]
    assert [silent.asked(), wrong.asked(), right.asked()] == [asked] * 3
    assert [ban.subject for ban in node.storage.bans()] == [f"node:{puppets[1][0].setup.node_id.hex()}"]
    assert node.seals_checked == 1
    # Whole, it is imported; this protocol version executes no transactions, which is no relayer's fault.
    (note,) = node.noted("invalid block")
    assert dict(note.fields)["rule"] == "InvalidTransaction"


def test_only_the_seal_that_was_checked_is_passed_on() -> None:
    """A block whose body never came is offered again, with another seal: its hash is verified, that seal is not."""
    net, node, player, puppets = one_against(12)
    made = generator(new_chain())
    block = with_transactions(made.chain, next_block(made))
    assert block.seal is not None
    for _, puppet in puppets:
        puppet.silent = True
    for peer, _ in puppets[:2]:
        player.say(peer, submit(node, block))
        net.run(3)
    bad = with_seal(block, ecdsa_signature=flip(block.seal.ecdsa_signature))
    for peer, _ in puppets[2:4]:
        player.say(peer, submit(node, bad))
        net.run(3)
    messages = [message for _, puppet in puppets for message in puppet.pushed(BlockSubmit)]
    assert len(messages) > PUSH_AT_LEAST
    assert {message.seal for message in messages if isinstance(message, BlockSubmit)} == {block.seal}
    assert node.seals_checked == 1


def test_what_one_says_of_a_block_is_not_held_against_another() -> None:
    """A liar announces the head of an honest branch with more work than it has, and leaves it to others to send it."""
    net, node, player, ((liar, silent), (honest, puppet)) = one_against(2)
    ours, theirs = generator(new_chain(), seed=1), generator(new_chain(), seed=2)
    player.say(liar, submit(node, next_block(ours)))
    for _ in theirs.extend(2):
        pass
    head = theirs.chain.head
    assert node.chain.head.header.number == 1
    library = ChainServer(ChainReader(theirs.chain))
    puppet.answers = library.answer
    claim = HeadClaim(head.hash, head.header.number, head.context.total_difficulty)
    false = Gossip((replace(claim, total_difficulty=claim.total_difficulty + 1),))
    silent.silent = True
    for peer, message in ((liar, false), (honest, Gossip((claim,))), (liar, false)):
        player.say(peer, message)
    net.run(10)
    assert node.storage.banned == {}
    assert node.chain.head.hash == head.hash


def test_a_false_announcement_hides_nobodys_head() -> None:
    """A liar says that a block far ahead is the next one, and does not give it: whose head it is, is asked for it."""
    net, node, player, ((liar, silent), (honest, puppet)) = one_against(2)
    theirs = generator(new_chain(), seed=2)
    for _ in theirs.extend(10):
        pass
    head = theirs.chain.head
    puppet.answers = ChainServer(ChainReader(theirs.chain)).answer
    silent.silent = True
    claim = HeadClaim(head.hash, head.header.number, head.context.total_difficulty)
    player.say(liar, Gossip((replace(claim, number=1),)))
    player.say(honest, Heartbeat(1, claim))
    net.run(1)
    assert node.chain.head.hash == head.hash


def test_two_halves_find_together_again() -> None:
    net = Net()
    nodes = [net.add(target_outbound=0)]
    for _ in range(3):
        nodes.append(net.add(*(node.address for node in nodes), target_outbound=0))
    net.run(3)
    halves = [nodes[:2], nodes[2:]]
    cut = True

    def sift(target: Node, event: object) -> object:
        return None if cut and type(event).__name__ in ("Received", "Opened") and crosses(target, event) else event

    def crosses(target: Node, event: object) -> bool:
        number = getattr(event, "connection", 0)
        far = net.far_end(target, number)
        return far is not None and (target in halves[0]) != (far in halves[0])

    net.sift = sift  # type: ignore[assignment]
    for half, blocks, seed in ((halves[0], 3, 5), (halves[1], 7, 6)):
        made = generator(half[0].chain, seed)
        for _ in range(blocks):
            net.mine(half[0], made.block(half[0].chain.head))
        net.run(20)
    net.run(100)
    assert len({node.chain.head.hash for node in nodes}) == 2
    cut = False
    net.run(60)
    assert {node.chain.head.hash for node in nodes} == {halves[1][0].chain.head.hash}
    assert all(node.storage.banned == {} for node in nodes)


@pytest.mark.parametrize("times", [0.5, 2])
def test_who_passes_a_block_on_knows_what_it_weighs(times: float) -> None:
    """Its sender verified it, or says so: another sum is a lie, also of a block that is not worth an import."""
    _, node, player, ((peer, _), (_, other)) = one_against(2)
    message = submit(node, next_block(generator(new_chain())))
    player.say(peer, replace(message, total_difficulty=int(message.total_difficulty * times)))
    assert [ban.reason for ban in node.storage.banned.values()] == ["FalseClaim"]
    assert node.seals_checked == 0
    assert submitted(other) == []


def test_a_body_is_not_looked_at_before_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    """Announced as the heaviest of all, in truth an old block with a million transactions: no trie is built of them."""
    _, node, player, ((peer, puppet),) = one_against()
    made = generator(node.chain)
    old = node.chain.head
    for _ in made.extend(SIDE_BLOCK_WORTH + 6):
        pass
    block = with_header(node.chain, generator(node.chain, seed=77).block(old), transactions_root=bytes(32))
    fat = replace(block, transactions=(b"\x02\xc0",) * 1_000)
    monkeypatch.setattr("quip.net.gossip.block_pipeline.check_body", None)
    puppet.answers = lambda request: BlockResponse(fat) if isinstance(request, BlockRequest) else None
    player.say(peer, Gossip((HeadClaim(fat.header.hash, fat.header.number, 1 << 200),)))
    assert [ban.reason for ban in node.storage.banned.values()] == ["FalseClaim"]


def test_a_light_side_block_is_left_to_sync() -> None:
    net, node, player, ((peer, _), (_, other)) = one_against(2, new_chain(flat_spec()))
    made = generator(node.chain)
    old = node.chain.head
    for _ in made.extend(SIDE_BLOCK_WORTH + 6):
        pass
    net.settle()
    light = generator(node.chain, seed=77).block(old)
    player.say(peer, submit(node, light))
    assert node.seals_checked == 0
    assert submitted(other) == []
    assert node.storage.banned == {}


def test_one_side_block_of_a_miner_on_a_parent() -> None:
    net, node, player, ((peer, _),) = one_against()
    made = generator(node.chain, miners=1)
    parent = node.chain.head
    for _ in made.extend(1):
        pass
    net.settle()
    sides = [generator(node.chain, seed=seed, miners=1).block(parent) for seed in (7, 8, 9)]
    for side in sides:
        player.say(peer, submit(node, side))
    assert [node.chain.tree.has(side.header.hash) for side in sides] == [True, False, False]
    by = cousin(1, 77)
    twin = seal_header(node.chain, replace(sides[1].header, extra_data=by.miner_id + b"\0"), by)
    assert twin.header.miner_id != sides[0].header.miner_id
    player.say(peer, submit(node, twin))
    assert not node.chain.tree.has(twin.header.hash), "another name of the same tree"
    other = next(
        block
        for seed in range(10, 30)
        if (block := generator(node.chain, seed=seed, miners=2).block(parent)).header.miner_id
        != sides[0].header.miner_id
    )
    player.say(peer, submit(node, other))
    assert node.chain.tree.has(other.header.hash)


def test_a_false_claim_does_not_silence_a_node() -> None:
    """In the middle of a sync that will never end, mined and gossiped blocks go round as ever."""
    net, node, player, ((liar, puppet), (_, other)) = one_against(2)
    puppet.silent = True
    player.say(liar, Heartbeat(1, HeadClaim(b"\x07" * 32, 100, 1 << 100)))
    assert node.overlay.sync_state.syncing
    made = generator(new_chain())
    block = next_block(made)
    player.say(liar, submit(node, block))
    assert submitted(other) == [block.header.hash]
    assert node.chain.head.hash == block.header.hash
    own = generator(node.chain, seed=5).block(node.chain.head)
    net.mine(node, own)
    assert submitted(other) == [block.header.hash, own.header.hash]
