"""Siblings go round and are shown; blocks with ommers go on only once their ommers are judged."""

from dataclasses import replace

from quip.chain.chain import Chain
from quip.chain.ports import StoredOmmer
from quip.consensus.types.block import Block
from quip.net.wire.messages import BlockRequest, BlockResponse, BlockSubmit, Gossip, HeadClaim
from sim.liars.lies import flip
from support.chains import new_chain, ommer_spec
from support.ommers import WAYS, WINDOW, Family, at, ommer_of, random_tree
from support.overlays import Net, Node
from support.puppet import Puppet, PuppetPlayer
from support.sync_world import Peer, Teller, World


def surrounded(family: Family, count: int) -> tuple[Net, Node, PuppetPlayer, list[tuple[Node, Puppet]]]:
    """A node with the family's chain, and puppets around it."""
    net = Net()
    node = net.add(target_outbound=0, chain=family.chain)
    player = PuppetPlayer(net)
    puppets = [player.enter(node) for _ in range(count)]
    for peer, _ in puppets:
        net.connect(peer, node)
    return net, node, player, puppets


def submit(node: Node, block: Block) -> BlockSubmit:
    assert block.seal is not None
    below = node.chain.tree.context(block.header.parent_hash)
    assert below is not None
    return BlockSubmit(block.header, block.seal, below.total_difficulty + block.header.difficulty, block.ommers)


def pushed(puppet: Puppet) -> list[BlockSubmit]:
    return [message for message in puppet.pushed(BlockSubmit) if isinstance(message, BlockSubmit)]


def announced(puppet: Puppet) -> list[bytes]:
    messages = [message for message in puppet.pushed(Gossip) if isinstance(message, Gossip)]
    return [claim.hash for message in messages for claim in message.blocks]


def offenders(node: Node) -> list[str]:
    return [ban.subject for ban in node.storage.bans()]


def test_a_sibling_goes_to_everybody_once_and_is_shown() -> None:
    family = Family()
    net, node, player, puppets = surrounded(family, 7)
    side = family.made.block(at(node.chain, family.number - 3))
    player.say(puppets[0][0], submit(node, side))
    player.say(puppets[1][0], submit(node, side))
    net.run(3)
    assert node.chain.tree.has(side.header.hash)
    heard = [len(pushed(puppet)) + announced(puppet).count(side.header.hash) for _, puppet in puppets]
    assert heard == [0, 1, 1, 1, 1, 1, 1]
    template = node.chain.draft(bytes(20), bytes(20), node.chain.head.header.timestamp + 1).build()
    assert [ommer.header.hash for ommer in template.ommers] == [side.header.hash]
    assert offenders(node) == []


def test_an_announced_sibling_is_fetched_and_one_that_is_too_old_is_not() -> None:
    family = Family()
    net, node, player, ((peer, puppet),) = surrounded(family, 1)
    young = family.made.block(at(node.chain, family.number - 3))
    old = family.made.block(at(node.chain, family.number - WINDOW - 3))
    puppet.answers = lambda request: BlockResponse(young) if isinstance(request, BlockRequest) else None
    for block in (young, old):
        total = submit(node, block).total_difficulty
        player.say(peer, Gossip((HeadClaim(block.header.hash, block.header.number, total),)))
    net.run(3)
    assert puppet.asked() == [BlockRequest(young.header.hash)]
    assert node.chain.tree.has(young.header.hash)


def test_a_block_with_ommers_goes_on_whole_once_it_is_in() -> None:
    family = Family()
    net, node, player, ((peer, _), (_, other)) = surrounded(family, 2)
    block = family.showing([family.sibling(family.number - 2)])
    player.say(peer, submit(node, block))
    net.run(3)
    assert node.chain.head.hash == block.header.hash
    assert pushed(other) == [submit(node, block)]
    assert node.seals_checked == 2, "its own, and then its ommer's"


def test_the_seal_of_a_sibling_that_is_stored_is_not_checked_again() -> None:
    family = Family()
    net, node, player, ((peer, _),) = surrounded(family, 1)
    side = family.made.block(at(node.chain, family.number - 3))
    player.say(peer, submit(node, side))
    net.run(1)
    block = family.showing([ommer_of(side)])
    player.say(peer, submit(node, block))
    net.run(2)
    assert node.chain.head.hash == block.header.hash
    assert node.seals_checked == 2


def test_bad_seals_do_not_hide_that_an_ommer_is_unlawful() -> None:
    family = Family()
    net, node, player, ((liar, _),) = surrounded(family, 1)
    one, unlawful = family.sibling(family.number - 2), ommer_of(family.made.block(at(node.chain, family.number - 1)))
    block = family.showing([one, unlawful])
    assert one.seal is not None
    bad = replace(one, seal=replace(one.seal, xmss_signature=flip(one.seal.xmss_signature)))
    player.say(liar, submit(node, replace(block, ommers=(bad, unlawful))))
    net.run(2)
    assert node.chain.is_invalid(block.header.hash)
    assert len(offenders(node)) == 1


def test_bad_seals_of_ommers_cost_their_sender_and_nobody_else() -> None:
    family = Family()
    net, node, player, ((liar, _), (honest, _), (_, other)) = surrounded(family, 3)
    block = family.showing([family.sibling(family.number - 2)])
    seal = block.ommers[0].seal
    assert seal is not None
    bad = replace(block.ommers[0], seal=replace(seal, xmss_signature=flip(seal.xmss_signature)))
    player.say(liar, submit(node, replace(block, ommers=(bad,))))
    net.run(1)
    assert pushed(other) == [], "nothing goes on before it is judged"
    assert not node.chain.is_invalid(block.header.hash)
    player.say(honest, submit(node, block))
    net.run(2)
    assert node.chain.head.hash == block.header.hash
    assert [ommer for message in pushed(other) for ommer in message.ommers] == [*block.ommers]
    assert len(offenders(node)) == 1


def test_an_unlawful_ommer_spoils_the_hash_and_goes_no_further() -> None:
    family = Family()
    net, node, player, ((liar, _), (_, other)) = surrounded(family, 2)
    block = WAYS["an ancestor"](family)
    player.say(liar, submit(node, block))
    net.run(2)
    assert node.chain.is_invalid(block.header.hash)
    assert len(offenders(node)) == 1
    assert pushed(other) == []


def test_ommers_that_are_not_the_headers_are_refused_at_once() -> None:
    family = Family()
    net, node, player, ((liar, _),) = surrounded(family, 1)
    block = family.showing([family.sibling(family.number - 2)])
    player.say(liar, submit(node, replace(block, ommers=(ommer_of(family.made.block(at(node.chain, 3))),))))
    net.run(2)
    assert not node.chain.is_invalid(block.header.hash)
    assert node.chain.head.hash != block.header.hash
    assert len(offenders(node)) == 1


def canonical(blocks: list[Block], head: bytes) -> list[Block]:
    by_hash = {block.header.hash: block for block in blocks}
    line = []
    while head in by_hash:
        line.append(by_hash[head])
        head = line[-1].header.parent_hash
    return line[::-1]


def ommers_at(chain: Chain, number: int) -> tuple[StoredOmmer, ...]:
    stored = chain.block_by_number(number)
    assert stored is not None
    return stored.ommers


def test_a_chain_with_ommers_is_synced() -> None:
    source, _ = random_tree(6, 40, ommer_spec())
    world = World(chain=new_chain(ommer_spec()))
    world.join(Peer(source), Peer(source))
    world.run(20, lambda: world.chain.head.hash == source.head.hash)
    assert world.chain.head.hash == source.head.hash
    assert world.chain.miners() == source.miners()
    assert (world.blamed, world.dropped) == ({}, {})
    shown = [ommer for number in range(1, source.head.header.number + 1) for ommer in ommers_at(source, number)]
    assert shown and world.checked == source.head.header.number + len(shown), "each seal once, off the chain's thread"


def test_who_serves_bad_seals_of_ommers_is_found_at_the_import() -> None:
    source, blocks = random_tree(6, 40, ommer_spec())
    line = canonical(blocks, source.head.hash)
    place = next(place for place, block in enumerate(line) if block.ommers)
    seal = line[place].ommers[0].seal
    assert seal is not None
    wrong = replace(line[place].ommers[0], seal=replace(seal, ecdsa_signature=flip(seal.ecdsa_signature, 3)))
    liar = Teller([*line[:place], replace(line[place], ommers=(wrong, *line[place].ommers[1:])), *line[place + 1 :]])
    world = World(chain=new_chain(ommer_spec()))
    world.join(liar)
    world.run(20, lambda: bool(world.blamed))
    assert [type(error).__name__ for error in world.blamed.values()] == ["BadOmmerSeal"]
    assert not world.chain.is_invalid(line[place].header.hash)
    world.join(Peer(source))
    world.run(20, lambda: world.chain.head.hash == source.head.hash)
    assert world.chain.head.hash == source.head.hash
