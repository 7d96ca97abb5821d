"""The event log: a hash over everything that happened, in order. Equal seeds give equal hashes, or something reads
a clock, ambient randomness or the order of a set."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from hashlib import blake2b

from quip.consensus.block_validation import OmmerSeal
from quip.net.actions import Action, Answer, CheckSeals, ImportBlocks, Log, Send
from quip.net.events import Answered, BlocksImported, Event, HeadMoved, Opened, Received, SealsChecked
from sim.world.clock import EventQueue

KEPT_LINES = 400
"""Lines that a failure's report can show."""


class EventLog:
    """Hashes (time, who, what)."""

    def __init__(self, queue: EventQueue, echo: Callable[[str], object] | None = None) -> None:
        self._queue = queue
        self._echo = echo
        self._hash = blake2b(digest_size=16)
        self.lines = 0
        self.last: deque[str] = deque(maxlen=KEPT_LINES)

    def add(self, who: str, what: str) -> None:
        """One line."""
        line = f"{self._queue.now_s:.6f} {who} {what}"
        self._hash.update(line.encode() + b"\n")
        self.lines += 1
        self.last.append(line)
        if self._echo is not None:
            self._echo(line)

    def digest(self) -> str:
        """The hash so far, hex."""
        return self._hash.hexdigest()


def summary(thing: Event | Action) -> str:
    """A line that tells two different events or actions apart."""
    return f"{type(thing).__name__} {_detail(thing)}"


def _detail(thing: Event | Action) -> str:
    match thing:
        case Send() | Received():
            end = " fin" if thing.fin else ""
            text = f"{thing.connection}/{thing.stream} {len(thing.data)} {zlib.crc32(thing.data):08x}{end}"
        case Opened():
            text = f"{thing.connection} {thing.link.address} {thing.link.purpose.value}"
        case CheckSeals():
            text = f"{thing.job} {thing.connection} {' '.join(_short(check.hash) for check in thing.checks)}"
        case ImportBlocks():
            text = f"{thing.job} {' '.join(_short(block.header.hash) for block in thing.blocks)}"
        case SealsChecked():
            text = f"{thing.job} {' '.join(_named(verdict) for verdict in thing.verdicts)}"
        case BlocksImported():
            text = f"{thing.job} {' '.join(_named(outcome) for outcome in thing.outcomes)}"
        case HeadMoved():
            mined = " mined" if thing.mined else ""
            text = f"{thing.new.header.number} {_short(thing.new.hash)} {thing.depth}{mined}"
        case Answer():
            text = f"{thing.connection}/{thing.stream} {type(thing.request).__name__}"
        case Answered():
            text = f"{thing.connection}/{thing.stream} {type(thing.message).__name__}"
        case Log():
            text = f"{thing.level} {thing.event} {' '.join(f'{name}={value}' for name, value in thing.fields)}"
        case _:
            text = str(thing)
    return text


def _short(block_hash: bytes) -> str:
    return block_hash[:6].hex()


def _named(outcome: object) -> str:
    if isinstance(outcome, OmmerSeal):
        return type(outcome.error).__name__ if outcome.error else "ommer"
    status = getattr(outcome, "status", None)
    return type(outcome).__name__ if status is None else str(status.value)
