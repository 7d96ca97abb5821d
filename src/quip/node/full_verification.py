"""Re-verifies a chain from genesis with the validator's own functions: every rule, every seal, every state root.

It believes nothing but the chain spec. Headers, bodies and states are checked in order; seals, which cost the most and
depend on nothing but their header, are checked by a few threads beside it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from quip.chain.ports import StateScratch
from quip.consensus import block_validation as law
from quip.consensus.block_validation import CheckedHeader, Executed, LawfulOmmers, Parent, Rules, SealedHeader
from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.proof_of_work.difficulty import genesis_context
from quip.consensus.rules import check_time
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.ancestry import Ancestor, Ancestry
from quip.consensus.types.block import Block, check_sizes
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import Ommer
from quip.ising.puzzle import Puzzle
from quip.node.config.cpus import logical_cpus

SEALS_AHEAD = 8  # seals a thread may have waiting: keeps all threads busy, and memory bounded


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


@dataclass(frozen=True, slots=True)
class _Begun:
    """A block whose header is checked; its seal is with a thread, or with none."""

    block: Block
    checked: CheckedHeader
    seal: Future[SealedHeader] | None


class ChainVerifier:
    """Takes the blocks of one chain in order. Seals below `seals_from` are not looked at; all else always is."""

    def __init__(self, spec: ChainSpec, puzzle: Puzzle, scratch: StateScratch, seals_from: int = 1) -> None:
        self._rules = Rules(spec, puzzle)
        self._seals_from = seals_from
        update = genesis_state(spec, scratch.state(EMPTY_TRIE_ROOT))
        header = genesis_header(spec, update.root)
        scratch.keep(header, update)
        self.genesis_hash = header.hash
        self._tip = Parent(header.hash, header, genesis_context(spec))
        self._executed = _Executed(scratch, spec.ommers.window, self._tip)

    def run(self, blocks: Iterable[Block], now: int) -> Iterator[VerificationReport]:
        """Yield each block once all of it is verified, in order. Raises VerificationFailed at the first bad one.

        `blocks` begins with genesis; `now` is Unix time.
        """
        threads = logical_cpus()
        failure: VerificationFailed | None = None
        with ThreadPoolExecutor(threads, "verify") as pool:
            waiting: deque[_Begun] = deque()
            try:
                for block in blocks:
                    try:
                        begun = self._begin(block, now, pool)
                    except ConsensusError as error:
                        failure = _failed(block.header, error)
                        break
                    if begun is None:
                        yield VerificationReport(block, self._tip.context)
                        continue
                    waiting.append(begun)
                    while len(waiting) > SEALS_AHEAD * threads:
                        yield self._finish(waiting.popleft())
                while waiting:
                    yield self._finish(waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)
        if failure is not None:
            raise failure

    def _begin(self, block: Block, now: int, pool: ThreadPoolExecutor) -> _Begun | None:
        """None for genesis."""
        header = block.header
        if header.number == 0:
            if header != self._tip.header:
                raise VerificationFailed(header, f"the chain spec makes genesis 0x{self.genesis_hash.hex()}")
            return None
        check_sizes(header, block.body, block.seal)
        checked = law.check_header(self._rules.spec, self._tip, header)
        check_time(self._rules.spec, header, now)
        self._tip = checked.as_parent
        if header.number < self._seals_from:
            return _Begun(block, checked, None)
        return _Begun(block, checked, pool.submit(law.check_seal, self._rules, checked, block.seal))

    def _finish(self, begun: _Begun) -> VerificationReport:
        checked, block = begun.checked, begun.block
        try:
            sealed = None if begun.seal is None else begun.seal.result()
            body = law.check_body(checked, block.body)
            before = self._executed.before(checked)
            lawful = law.check_ommers(self._rules, self._executed, checked, block.ommers, () if sealed else None)
            executed = law.run(self._rules, before, checked, body, lawful)
        except ConsensusError as error:
            raise _failed(checked.header, error) from error
        self._executed.move(checked, lawful, executed)
        return VerificationReport(block, checked.context)


class _Executed:
    """The state after the last executed block, and the chain up to it: `block_validation.OmmerChain`."""

    def __init__(self, scratch: StateScratch, window: int, genesis: Parent) -> None:
        self._scratch = scratch
        self._last = genesis
        self._ancestry = Ancestry(window, [Ancestor(genesis.hash, genesis.header, genesis.context, ())], 0)

    def parent(self, header: Header) -> Parent:
        """The last executed block. Raises UnknownParent for a child of another."""
        return self._last.parent(header)

    def has_sealed(self, ommer: Ommer) -> bool:
        """Never: every seal is looked at once more."""
        return False

    def ancestry(self, parent: Parent) -> Ancestry:
        """The chain up to the last executed block."""
        del parent
        return self._ancestry

    def before(self, checked: CheckedHeader) -> StateReader:
        """The state that a block finds. Raises UnknownParent if its parent is not the last block."""
        return self._scratch.state(self._last.parent(checked.header).header.state_root)

    def move(self, checked: CheckedHeader, lawful: LawfulOmmers, executed: Executed) -> None:
        """One block further."""
        self._scratch.keep(checked.header, executed.state)
        self._last = checked.as_parent
        following = law.ancestry_after(checked, lawful, executed)
        if following is not None:
            self._ancestry = following


def _failed(header: Header, error: ConsensusError) -> VerificationFailed:
    return VerificationFailed(header, f"{type(error).__name__}: {error}")
