"""Re-verifies a chain from genesis with the validator's own functions: every rule, every seal, every state root.

It believes nothing but the chain spec. Headers, bodies and states are checked in order; seals, which cost the most and
depend on nothing but their header, are checked by a few threads beside it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from quip.consensus import rules
from quip.consensus.errors import ConsensusError, UnknownParent
from quip.consensus.execution import transition
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.proof_of_work.difficulty import Requirements, child_context, genesis_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.block import Block, check_sizes
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.ising.puzzle import Puzzle
from quip.node.config.node_config import logical_cpus

SEALS_AHEAD = 8  # seals a thread may have waiting: keeps all threads busy, and memory bounded


class ScratchState(Protocol):
    """Somewhere to build the state in, from nothing."""

    def state(self, root: bytes) -> StateReader:
        """The state at a root that was kept."""

    def keep(self, nodes: Sequence[tuple[bytes, bytes]]) -> None:
        """Remember trie nodes, (hash, RLP)."""


class VerificationFailed(Exception):
    """A block breaks a rule: the chain is not valid from there on."""

    def __init__(self, header: Header, reason: str) -> None:
        super().__init__(f"block {header.number} (0x{header.hash.hex()}) is invalid: {reason}")
        self.number = header.number


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """A block that passed everything, and the context recomputed for it."""

    block: Block
    context: BlockContext


class ChainVerifier:
    """Takes the blocks of one chain in order. Seals below `seals_from` are not looked at; all else always is."""

    def __init__(self, spec: ChainSpec, puzzle: Puzzle, scratch: ScratchState, seals_from: int = 1) -> None:
        self._spec = spec
        self._puzzle = puzzle
        self._scratch = scratch
        self._seals_from = seals_from
        update = genesis_state(spec, scratch.state(EMPTY_TRIE_ROOT))
        scratch.keep(update.nodes)
        self._parent = genesis_header(spec, update.root)
        self._context = genesis_context(spec.difficulty)
        self.genesis_hash = self._parent.hash

    def run(self, blocks: Iterable[Block], now: int) -> Iterator[VerificationReport]:
        """Yield each block once all of it is verified, in order. Raises VerificationFailed at the first bad one.

        `blocks` begins with genesis; `now` is Unix time.
        """
        threads = logical_cpus()
        with ThreadPoolExecutor(threads, "verify") as pool:
            waiting: deque[tuple[VerificationReport, Future[None] | None]] = deque()
            try:
                for block in blocks:
                    waiting.append(self._start(block, now, pool))
                    while len(waiting) > SEALS_AHEAD * threads:
                        yield _finish(*waiting.popleft())
                while waiting:
                    yield _finish(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)

    def _start(
        self, block: Block, now: int, pool: ThreadPoolExecutor
    ) -> tuple[VerificationReport, Future[None] | None]:
        header = block.header
        if header.number == 0:
            if header != self._parent:
                raise VerificationFailed(header, f"the chain spec makes genesis 0x{self.genesis_hash.hex()}")
            return VerificationReport(block, self._context), None
        try:
            required = self._connect(block, now)
        except ConsensusError as error:
            raise _failed(header, error) from error
        if header.number < self._seals_from:
            return VerificationReport(block, self._context), None
        seal = pool.submit(rules.check_seal, self._spec, self._puzzle, header, block.seal, required)
        return VerificationReport(block, self._context), seal

    def _connect(self, block: Block, now: int) -> Requirements:
        """Everything but the seal; moves on to this block."""
        spec, parent, header = self._spec, self._parent, block.header
        if header.parent_hash != parent.hash:
            raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
        check_sizes(block)
        rules.check_gate(spec, header)
        required = rules.check_header(spec, parent, self._context, header, now)
        transition.check_body(header, block.transactions)
        context = child_context(spec.difficulty, parent, self._context, header)
        state = self._scratch.state(parent.state_root)
        outcome = transition.execute(spec, state, header, context, block.transactions)
        transition.check_outcome(header, outcome)
        self._scratch.keep(outcome.state.nodes)
        self._parent, self._context = header, context
        return required


def _finish(verified: VerificationReport, seal: Future[None] | None) -> VerificationReport:
    try:
        if seal is not None:
            seal.result()
    except ConsensusError as error:
        raise _failed(verified.block.header, error) from error
    return verified


def _failed(header: Header, error: ConsensusError) -> VerificationFailed:
    return VerificationFailed(header, f"{type(error).__name__}: {error}")
