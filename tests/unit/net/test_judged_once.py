"""From a peer's message to the chain's store every rule is asked once, whatever the way."""

from typing import Any

import pytest

from quip.chain.chain import Status
from quip.consensus import rules
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.net.wire.messages import BlockRequest, BlockResponse, Bodies, Gossip
from support.chains import generator, new_chain
from support.counting import BLOCK_RULES, count_calls
from support.mutants import next_block, with_transactions
from support.sync_world import Peer, World, chain_with
from unit.net.gossip.test_block_pipeline import claim_of, one_against, submit
from unit.net.sync.test_sync import SMALL, line, same_head

ONCE = {name: 1 for _, name in BLOCK_RULES}


def test_a_pushed_block(monkeypatch: pytest.MonkeyPatch) -> None:
    _, node, player, ((peer, _),) = one_against()
    block = next_block(generator(new_chain()))
    calls = count_calls(monkeypatch, *BLOCK_RULES)
    player.say(peer, submit(node, block))
    assert node.chain.head.hash == block.header.hash
    # What its seal proves, native code said.
    assert calls == {**ONCE, "check_signature": 0}
    assert node.seals_checked == 1
    assert node.chain.accept(block, node.chain.head.header.timestamp).status is Status.KNOWN


def test_a_pushed_block_whose_body_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """This protocol version executes no transactions: the last rule refuses the block, all others were asked before."""
    net, node, player, ((peer, puppet),) = one_against()
    made = generator(new_chain())
    block = with_transactions(made.chain, next_block(made))
    puppet.answers = lambda request: Bodies((block.body,))
    calls = count_calls(monkeypatch, *BLOCK_RULES)
    player.say(peer, submit(node, block))
    net.run(1)
    (note,) = node.noted("invalid block")
    assert dict(note.fields)["rule"] == "InvalidTransaction"
    assert calls == {**ONCE, "check_signature": 0}
    assert node.seals_checked == 1


def test_an_announced_block_that_is_fetched_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    _, node, player, ((peer, puppet),) = one_against()
    made = generator(new_chain())
    block = with_transactions(made.chain, next_block(made))
    puppet.answers = lambda request: BlockResponse(block) if isinstance(request, BlockRequest) else None
    calls = count_calls(monkeypatch, *BLOCK_RULES)
    player.say(peer, Gossip((claim_of(node, block),)))
    assert node.noted("invalid block")
    assert calls == {**ONCE, "check_signature": 0}


def test_blocks_that_sync_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    source = chain_with(line(40))
    world = World(sizes=SMALL)
    calls = count_calls(monkeypatch, *BLOCK_RULES)
    runs: list[int] = []
    check_headers = rules.check_headers

    def counted(spec: ChainSpec, parent: Header, context: BlockContext, headers: list[Header], now: int) -> Any:
        runs.append(len(headers))
        return check_headers(spec, parent, context, headers, now)

    monkeypatch.setattr(rules, "check_headers", counted)
    world.join(Peer(source))
    world.run(30, lambda: same_head(world, source))
    # Headers and seals are judged in native runs; the time, which may end otherwise later, again at the import.
    assert calls == {**dict.fromkeys(ONCE, 40), "check_gate": 0, "check_header": 0, "check_signature": 0}
    assert sum(runs) == 40
    assert world.checked == 40
