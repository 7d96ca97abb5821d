"""Where miners get their work and hand in their blocks. Every method may be called from any miner's thread."""

import shlex
import threading
from bisect import bisect_left
from pathlib import Path
from typing import Protocol

import structlog

from quip.chain.chain import Status
from quip.chain.errors import IncompleteStore
from quip.chain.ports import BlockSigner
from quip.chain.template import Template, seal_template
from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution.rewards import own_payment
from quip.consensus.proof_of_work.difficulty import Requirements
from quip.consensus.types.block import Block
from quip.node.chain_thread import ChainThread
from quip.node.process.clock import ClockWatch, as_duration, utc
from quip.primitives.bounded_dict import BoundedDict
from quip.storage.errors import StoreError
from quip.wallet.errors import KeyExhausted, WalletError, WriteFailed

log = structlog.get_logger("quip.mining")

BLOCKED_S = 5.0  # how long a signer's full disk, or a store that cannot be read, is left alone
REFRESH_S = 1  # a template's time is part of its puzzle: older ones make the block look late or early
CLOCK_BEHIND = "the clock is behind the chain"
OWN_BLOCKS = 1_024  # hashes of our last blocks: so many are never on their way at once


class Identity(BlockSigner, Protocol):
    """The mining identity, as BlockProducer needs it."""

    @property
    def miner_id(self) -> bytes:
        """20 bytes."""


class BlockProducer:
    """Templates on the head, seals by the node's identity, and the way into the chain."""

    def __init__(
        self, chain: ChainThread, clock: ClockWatch, identity: Identity, beneficiary: bytes, root: Path | None = None
    ) -> None:
        """`root`: the data directory, for hints."""
        self._place = "" if root is None else f" --data-dir {shlex.quote(str(root))}"
        self._chain = chain
        self._clock = clock
        self._identity = identity
        self._beneficiary = beneficiary
        self._open = True
        self._failure: str | None = None
        self._waiting_for: str | None = None
        self._made: BoundedDict[bytes, None] = BoundedDict(OWN_BLOCKS)
        self._blocked_until = 0.0
        self._unreadable_until = 0.0
        self._current: Template | None = None
        self._siblings_known = 0
        """When the template was made: what is new since then may have to be shown."""
        self._mutex = threading.Lock()

    @property
    def idle_because(self) -> str | None:
        """Why there is no work now; None while there is."""
        head_time = self._chain.chain.head.header.timestamp
        latest = self._clock.now() + self._chain.chain.spec.difficulty.future_limit
        reasons = (
            (not self._open, "the node stops"),
            (self._failure is not None, self._failure or ""),
            (self._waiting_for is not None, self._waiting_for or ""),
            (self._chain.stalled, "the disk is full"),
            (self._clock.monotonic() < self._blocked_until, "the signer cannot write"),
            (self._clock.monotonic() < self._unreadable_until, "the store cannot be read"),
            (not self._clock.steady, "the clock jumped"),
            (head_time >= latest, CLOCK_BEHIND),
        )
        return next((reason for holds, reason in reasons if holds), None)

    @property
    def idle_details(self) -> dict[str, str]:
        """What the operator needs to know beside `idle_because`, for a log line: numbers that change all the time."""
        if self.idle_because != CLOCK_BEHIND:
            return {}
        chain, now = self._chain.chain, self._clock.now()
        head = chain.head.header
        behind = "set the clock; if it is right, stop the node and run: quip db rewind"
        behind += f"{self._place} --to {self._last_before(now)}"
        return {
            "head_time": utc(head.timestamp),
            "clock": utc(now),
            "gap": as_duration(head.timestamp - now),
            "hint": behind,
        }

    def _last_before(self, now: int) -> int:
        """The number of the last canonical block that is not ahead of the clock."""
        chain = self._chain.chain

        def is_ahead(number: int) -> bool:
            block = chain.block_by_number(number)
            return block is not None and block.header.timestamp > now

        return max(bisect_left(range(chain.head.header.number + 1), True, key=is_ahead) - 1, 0)

    def requirements(self) -> Requirements:
        """What a block on the head has to prove now."""
        head = self._chain.chain.head
        return self._chain.chain.requirements(max(self._clock.now(), head.header.timestamp + 1))

    def wait_for(self, reason: str | None) -> None:
        """Give no work and sign nothing until called again with None. `reason`: what mining waits for."""
        self._waiting_for = reason

    def give_up(self, reason: str) -> None:
        """Give no work and sign nothing any more."""
        self._failure = reason

    def has_made(self, block_hash: bytes) -> bool:
        """True for a block that was signed here since the start (and not very long ago)."""
        return block_hash in self._made

    def template(self) -> Template | None:
        """The block to mine now, at most REFRESH_S old; None while there is no work (ask again in a moment)."""
        if self.idle_because is not None:
            return None
        with self._mutex:
            current, now = self._current, self._clock.now()
            stale = current is None or not self.is_current(current) or now - current.header.timestamp >= REFRESH_S
            known = self._chain.chain.ommers.version
            if stale or known != self._siblings_known:
                self._siblings_known = known
                current = self._current = self._make_template()
        return current

    def _make_template(self) -> Template | None:
        try:
            return self._chain.template(self._beneficiary, self._identity.miner_id)
        except (StoreError, IncompleteStore, ConsensusError) as error:
            self._unreadable_until = self._clock.monotonic() + BLOCKED_S
            log.error("cannot make a block", reason=str(error), hint="stop the node and run: quip db check")
            return None

    def is_current(self, template: Template) -> bool:
        """Does the template still build on the head?"""
        return template.header.parent_hash == self._chain.chain.head.hash

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> Block | None:
        """The signed block; None where the identity cannot sign (the log says why, and mining waits or ends), or
        must not: nothing is signed while mining waits."""
        if self._failure is not None or self._waiting_for is not None:
            return None
        try:
            block = seal_template(template, nonce, solutions, self._identity)
        except WriteFailed as error:
            self._blocked_until = self._clock.monotonic() + BLOCKED_S
            log.error("cannot sign now", reason=error.message, hint=error.hint)
            return None
        except WalletError as error:
            self.give_up(str(error))
            log.error("cannot sign blocks", reason=error.message, hint=_hint(error))
            return None
        self._made[block.header.hash] = None
        return block

    def submit(self, block: Block) -> bool:
        """Hand a block in; True if it is now the head."""
        accepted = self._chain.accept(block)
        return accepted is not None and accepted.status is Status.CONNECTED

    def reward_of(self, block: Block) -> int:
        """Wei that an accepted block paid for itself at once; 0 for one that is not in the tree."""
        context = self._chain.chain.tree.context(block.header.hash)
        return 0 if context is None else own_payment(self._chain.chain.spec, block.header, context).amount

    def close(self) -> None:
        """No more work."""
        self._open = False


def _hint(error: WalletError) -> str:
    return "start the node again: it makes a fresh tree" if isinstance(error, KeyExhausted) else error.hint
