"""An answer, or the result of a job, goes to who asked for it, once; what nobody waits for goes to nobody."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from quip.consensus.errors.seal import MalformedSeal
from quip.net.events import BlocksImported, Event, SealsChecked
from quip.net.wire.messages import (
    BlockResponse,
    Gossip,
    HeadClaim,
    Headers,
    HeadersRequest,
    Heartbeat,
    Peers,
    PeersRequest,
    Reply,
)
from support.chains import generator, new_chain
from support.mutants import next_block
from support.overlays import Net, Node
from support.puppet import Puppet, PuppetPlayer

FAR = HeadClaim(b"\x07" * 32, 50, 1 << 60)

BAD = MalformedSeal(reason="nobody asked")


@dataclass
class Stage:
    """A node that dials a puppet, and which part of its overlay was handed what."""

    net: Net
    node: Node
    player: PuppetPlayer
    peer: Node
    puppet: Puppet
    calls: list[str] = field(default_factory=list)

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        state = self.node.overlay._state
        for part in ("discovery", "transactions", "gossip", "sync"):
            owner = getattr(state, part)
            for handler in ("replied", "failed", "seals_checked", "imported"):
                if hasattr(owner, handler):
                    call = self._noting(f"{part}.{handler}", getattr(owner, handler))
                    monkeypatch.setattr(owner, handler, call)

    def _noting(self, name: str, inner: Callable[..., None]) -> Callable[..., None]:
        def noted(*arguments: object) -> None:
            self.calls.append(name)
            inner(*arguments)

        return noted

    def answers(self, reply: Reply | None) -> None:
        """How the puppet answers; None: it refuses to."""
        self.puppet.answers = lambda request: reply


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    net = Net()
    node = net.add(target_outbound=0)
    player = PuppetPlayer(net)
    made = Stage(net, node, player, *player.enter(node))
    made.watch(monkeypatch)
    return made


def test_addresses_are_for_discovery(stage: Stage) -> None:
    stage.answers(Peers(()))
    stage.net.connect(stage.node, stage.peer)
    assert [type(request) for request in stage.puppet.asked()] == [PeersRequest]
    assert stage.calls == ["discovery.replied"]


def test_a_new_block_is_for_gossip_with_its_seal_check_and_its_import(stage: Stage) -> None:
    stage.net.connect(stage.node, stage.peer)
    stage.calls.clear()
    block = next_block(generator(new_chain()))
    stage.answers(BlockResponse(block))
    total = stage.node.chain.head.context.total_difficulty + block.header.difficulty
    stage.player.say(stage.peer, Gossip((HeadClaim(block.header.hash, 1, total),)))
    assert stage.calls == ["gossip.replied", "gossip.seals_checked", "gossip.imported"]
    assert stage.node.chain.head.hash == block.header.hash
    repeated = [SealsChecked(job, (BAD,)) for job in range(50)] + [BlocksImported(job, (None,)) for job in range(50)]
    for result in repeated:
        stage.net.give(stage.node, result)
    stage.net.settle()
    assert stage.calls[3:] == []


@pytest.mark.parametrize(
    ("reply", "called"), [(None, "sync.failed"), (Headers(()), "sync.replied")], ids=["refused", "answered"]
)
def test_headers_are_for_sync(stage: Stage, reply: Reply | None, called: str) -> None:
    stage.net.connect(stage.node, stage.peer)
    stage.calls.clear()
    stage.answers(reply)
    stage.player.say(stage.peer, Heartbeat(1, FAR))
    assert stage.calls[0] == called
    assert set(stage.calls) == {called}
    assert any(isinstance(request, HeadersRequest) for request in stage.puppet.asked())


def test_what_was_asked_of_somebody_who_leaves_comes_back_to_nobody(stage: Stage) -> None:
    stage.puppet.silent = True
    stage.net.connect(stage.node, stage.peer)
    stage.player.say(stage.peer, Heartbeat(1, FAR))
    assert [type(request) for request in stage.puppet.asked()] == [PeersRequest, HeadersRequest]
    stage.player.hang_up(stage.peer)
    assert stage.calls == []
    assert stage.node.overlay._state.discovery._in_flight == {}


@pytest.mark.parametrize("result", [SealsChecked(99, (BAD,)), BlocksImported(99, (None,)), SealsChecked(99, ())])
def test_a_result_that_nobody_waits_for_is_ignored(stage: Stage, result: Event) -> None:
    stage.net.connect(stage.node, stage.peer)
    stage.calls.clear()
    stage.net.give(stage.node, result)
    stage.net.settle()
    assert stage.calls == []
    assert len(stage.node.overlay.peers(stage.net.now)) == 1
