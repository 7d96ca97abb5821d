"""A simulation is worth what it catches: bugs planted in the node's own code must fail a seed that is green without."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from quip.chain.batch import Batch
from quip.consensus.block_validation import ExecutedBlock, SealedHeader
from quip.consensus.errors.body import ExecutionError
from quip.consensus.errors.header import FutureBlock
from quip.consensus.errors.root import ConsensusError
from quip.net.commands import ReportPeer
from quip.net.gossip.block_pipeline import BlockPipeline
from quip.net.gossip.candidates import Candidate
from quip.net.link import Instant
from quip.net.sync.download import Download
from quip.net.sync.peers import SyncPeers
from quip.net.sync.sync import Sync
from quip.net.wire.messages import BlockSubmit
from quip.primitives.errors import Fault
from sim.scenario import Kind, Manner, scenario_of
from sim.simulation import run
from support.forged import sealed_header


@dataclass(frozen=True)
class Planted:
    """A bug, the seeds among which it has to show, and a word of what the oracle says then."""

    plant: Callable[[pytest.MonkeyPatch], None]
    seeds: tuple[int, ...]
    breach: str


def with_fault(kind: Kind, count: int = 6) -> tuple[int, ...]:
    return tuple(seed for seed in range(300) if kind in {fault.kind for fault in scenario_of(seed).faults})[:count]


def with_liar(manner: Manner, count: int = 6) -> tuple[int, ...]:
    return tuple(seed for seed in range(300) if manner in {liar.manner for liar in scenario_of(seed).liars})[:count]


def late_with(manner: Manner, count: int = 6) -> tuple[int, ...]:
    """Seeds in which a node comes late, and such a liar is there before it."""
    late = {Kind.STALE, Kind.DEEP}
    return tuple(
        seed
        for seed in range(600)
        if manner in {liar.manner for liar in scenario_of(seed).liars}
        and late & {fault.kind for fault in scenario_of(seed).faults}
    )[:count]


def never_reorganises(patch: pytest.MonkeyPatch) -> None:
    add = Batch.add

    def first_seen(batch: Batch, verified: ExecutedBlock) -> int | None:
        with patch.context() as here:
            if verified.checked.header.parent_hash != batch.head.hash:
                here.setattr("quip.chain.batch.is_heavier", lambda *_: False)
            return add(batch, verified)

    patch.setattr(Batch, "add", first_seen)


def never_asks_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sync, "failed", lambda *_: None)
    patch.setattr(Sync, "_rotate", lambda *_: None)
    patch.setattr(Download, "speculate", lambda *_: None)


def bans_the_early(patch: pytest.MonkeyPatch) -> None:
    refused = BlockPipeline._refused

    def blame(pipeline: BlockPipeline, candidate: Candidate, error: ConsensusError, *more: Instant) -> None:
        if isinstance(error, FutureBlock):
            pipeline._orders.append(ReportPeer(candidate.offer.peer, error))
        refused(pipeline, candidate, error, *more)

    patch.setattr(FutureBlock, "fault", Fault.AT_FAULT)
    patch.setattr(BlockPipeline, "_refused", blame)


def relays_before_the_check(patch: pytest.MonkeyPatch) -> None:
    check = BlockPipeline._check

    def push_first(pipeline: BlockPipeline, candidate: Candidate) -> None:
        offer = candidate.offer
        submit = BlockSubmit(offer.header, offer.seal, candidate.claim.total_difficulty)
        pipeline._orders.extend(pipeline._propagation.push(submit))
        check(pipeline, candidate)

    patch.setattr(BlockPipeline, "_check", push_first)


def wrong_seals_spoil_the_hash(patch: pytest.MonkeyPatch) -> None:
    failed = BlockPipeline._seal_failed

    def poison(pipeline: BlockPipeline, candidate: Candidate, error: ConsensusError | None, now: Instant) -> None:
        pipeline._view._chain._invalid[candidate.hash] = None  # type: ignore[attr-defined]
        failed(pipeline, candidate, error, now)

    patch.setattr(BlockPipeline, "_seal_failed", poison)


def syncs_to_equal_work(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        SyncPeers,
        "is_heavier",
        lambda _, peer, head: (
            peer.claim.total_difficulty >= head.context.total_difficulty and peer.claim.hash != head.hash
        ),
    )


def never_replaces_a_dripper(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sync, "_rotate", lambda *_: None)


def believes_the_heaviest_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SyncPeers, "wary", property(lambda _: False, lambda *_: None), raising=False)


def passes_on_the_newest_seal(patch: pytest.MonkeyPatch) -> None:
    proceed = BlockPipeline._proceed

    def newest(pipeline: BlockPipeline, candidate: Candidate, sealed: SealedHeader, now: Instant) -> None:
        if candidate.others:
            sealed = sealed_header(sealed.checked, candidate.others[-1].seal)
        proceed(pipeline, candidate, sealed, now)

    patch.setattr(BlockPipeline, "_proceed", newest)


def blames_the_relayer(patch: pytest.MonkeyPatch) -> None:
    refused = BlockPipeline._refused

    def blame(pipeline: BlockPipeline, candidate: Candidate, error: ConsensusError, *more: Instant) -> None:
        if isinstance(error, ExecutionError):
            pipeline._orders.append(ReportPeer(candidate.offer.peer, error))
        refused(pipeline, candidate, error, *more)

    patch.setattr(BlockPipeline, "_refused", blame)


def passes_on_ommers_unseen(patch: pytest.MonkeyPatch) -> None:
    proceed = BlockPipeline._proceed

    def push_first(pipeline: BlockPipeline, candidate: Candidate, sealed: SealedHeader, now: Instant) -> None:
        header, body = candidate.checked.header, candidate.body
        if body is not None and body.body.ommers:
            submit = BlockSubmit(header, sealed.seal, candidate.claim.total_difficulty, body.body.ommers)
            pipeline._orders.extend(pipeline._propagation.push(submit))
        proceed(pipeline, candidate, sealed, now)

    patch.setattr(BlockPipeline, "_proceed", push_first)


PLANTED = {
    "never reorganises": Planted(never_reorganises, with_fault(Kind.SPLIT), "no common tip"),
    "never asks again": Planted(never_asks_again, with_fault(Kind.STALE), "no common tip"),
    "bans the early": Planted(bans_the_early, with_fault(Kind.AHEAD), "banned the honest"),
    "relays before the check": Planted(relays_before_the_check, with_liar(Manner.WRONG_PARTS), "banned the honest"),
    "wrong seals spoil the hash": Planted(wrong_seals_spoil_the_hash, with_liar(Manner.WRONG_PARTS), ""),
    "syncs to equal work": Planted(syncs_to_equal_work, (84, 86, 256), ""),
    "never replaces a dripper": Planted(never_replaces_a_dripper, late_with(Manner.DRIP), "no common tip"),
    "believes the heaviest claim": Planted(believes_the_heaviest_claim, late_with(Manner.SYBILS), "no common tip"),
    "passes on the newest seal": Planted(passes_on_the_newest_seal, with_liar(Manner.TWINS), "is invalid"),
    "passes on ommers unseen": Planted(passes_on_ommers_unseen, with_liar(Manner.BAD_OMMERS), "banned the honest"),
    "blames the relayer": Planted(blames_the_relayer, with_liar(Manner.FRAME), "banned the honest"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bug = PLANTED[name]
    bug.plant(monkeypatch)
    found: list[str] = []
    for seed in bug.seeds:
        found = run(seed).breaches
        if found:
            break
    assert any(bug.breach in breach for breach in found)
