"""When mining may begin: after the first sync since the start, or at once where there is nobody to wait for.

A claim alone never stops mining: a sync that brings nothing is waited for no longer than FRUITLESS_S, named peers that
do not answer no longer than PATIENCE_S, and those of an earlier run no longer than KNOWN_PEERS_S.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from quip.net.link import Purpose
from quip.net.overlay_config import PeerInfo
from quip.net.sync.sync import SyncState

PATIENCE_S = 60.0  # for the first of the named peers to answer; a restart of theirs takes seconds
KNOWN_PEERS_S = 10.0  # for one of an earlier run, where none are named: eight of them are dialled in four seconds
FRUITLESS_S = 150.0  # for a sync that imports nothing: two claims may expire one after the other


class Readiness(Enum):
    """What mining has to wait for, and why it no longer has to."""

    WAIT_FOR_PEERS = "the first sync: no peer has answered yet"
    WAIT_FOR_SYNC = "the first sync is not over"
    ALONE = "there is nobody to wait for"
    SYNCED = "no peer has more"
    UNANSWERED = "no peer answers"
    FRUITLESS = "what peers claim to have does not come"

    @property
    def over(self) -> bool:
        """True: mining may begin."""
        return self not in (Readiness.WAIT_FOR_PEERS, Readiness.WAIT_FOR_SYNC)


@dataclass(frozen=True, slots=True)
class Progress:
    """How the network stands."""

    expected: bool
    """The operator named peers that have not joined."""
    known: bool
    """Addresses of an earlier run are known, whoever dialled whom then."""
    joined: int
    """Peers that welcomed us, or came to us."""
    answered: bool
    """One of those that we dialled is among them. Inbound peers select themselves, so they prove nothing."""
    resolved: bool
    """No joined peer claims more work than our head has, as far as we believe it, and none is about to be added."""
    done: int
    """Blocks that a sync brought. Seals do not count: those of a light branch are cheap, and can be shown again."""


def progress_of(peers: Sequence[PeerInfo], sync: SyncState, *, expected: bool, known: bool) -> Progress:
    """How the network stands, by its joined peers and its sync."""
    return Progress(
        expected=expected,
        known=known,
        joined=len(peers),
        answered=any(peer.purpose is not Purpose.INBOUND for peer in peers),
        resolved=sync.first_done and not sync.claims and not sync.importing,
        done=sync.imported,
    )


class InitialSync:
    """Ask `judge` now and then; once over, it stays over."""

    def __init__(self, now_s: float) -> None:
        self._started_s = now_s
        self._moved_s = now_s
        self._done = 0
        self._over: Readiness | None = None

    @property
    def fetched(self) -> int:
        """Blocks that it has brought."""
        return self._done

    def judge(self, now_s: float, seen: Progress) -> Readiness:
        """The verdict at a monotonic time."""
        if self._over is None:
            if seen.done != self._done or not seen.joined:
                self._done, self._moved_s = seen.done, now_s
            verdict = self._judge(now_s, seen)
            if not verdict.over:
                return verdict
            self._over = verdict
        return self._over

    def _judge(self, now_s: float, seen: Progress) -> Readiness:
        if seen.joined and not seen.resolved:
            return Readiness.FRUITLESS if now_s - self._moved_s >= FRUITLESS_S else Readiness.WAIT_FOR_SYNC
        if not seen.answered and (seen.expected or seen.known):
            patience_s = PATIENCE_S if seen.expected else KNOWN_PEERS_S
            if now_s - self._started_s < patience_s:
                return Readiness.WAIT_FOR_PEERS
            if seen.expected or not seen.joined:
                return Readiness.UNANSWERED
        return Readiness.SYNCED if seen.joined else Readiness.ALONE
