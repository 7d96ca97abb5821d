"""Branches that leave the canonical chain long ago: weighed before they are stored.

Such a branch is streamed as (header, seal) and verified as it arrives; a probe keeps only the fork point, the last
header and its context (controller, streaks, summed work), whatever the length. Once the work exceeds the head's, the
branch is admitted: its blocks may then be fetched again and accepted fully.
What this file does not do: no execution (the second pass does), no time-out (the network's business).
"""

from __future__ import annotations

from quip.chain.bounded import BoundedDict
from quip.chain.errors import ProbeTooLight, UnknownFork
from quip.chain.limits import ADMITTED_FORKS
from quip.chain.tree import BlockTree
from quip.consensus import rules
from quip.consensus.context import BlockContext
from quip.consensus.difficulty import child_context
from quip.consensus.errors import UnknownParent
from quip.consensus.fork_choice import is_heavier
from quip.consensus.header import Header
from quip.consensus.seal import Seal
from quip.consensus.spec import ChainSpec
from quip.ising.puzzle import Puzzle


class BranchProbe:
    """One branch being weighed, for one peer."""

    def __init__(self, spec: ChainSpec, puzzle: Puzzle, fork: Header, context: BlockContext) -> None:
        self._spec = spec
        self._puzzle = puzzle
        self._hash = fork.hash
        self.fork_hash = self._hash
        self.fork_number = fork.number
        self.header = fork
        """The last verified header; at first the fork point's."""
        self.context = context
        """Its context."""

    @property
    def total_difficulty(self) -> int:
        """Verified work from genesis to the last header."""
        return self.context.total_difficulty

    def step(self, header: Header, seal: Seal, now: int) -> None:
        """Verify the next header and its seal. Raises a ConsensusError and stays where it is."""
        rules.check_gate(self._spec, header)
        if header.parent_hash != self._hash:
            raise UnknownParent(parent_hash=f"0x{header.parent_hash.hex()}", number=header.number)
        required = rules.check_header(self._spec, self.header, self.context, header, now)
        rules.check_seal(self._spec, self._puzzle, header, seal, required)
        self.context = child_context(self._spec.difficulty, self.header, self.context, header)
        self.header = header
        self._hash = header.hash


class Branches:
    """Starts probes, and remembers which old fork points were found to carry more work."""

    def __init__(self, spec: ChainSpec, puzzle: Puzzle, tree: BlockTree) -> None:
        self._spec = spec
        self._puzzle = puzzle
        self._tree = tree
        self._admitted: BoundedDict[bytes, int] = BoundedDict(ADMITTED_FORKS)

    def probe(self, fork_hash: bytes) -> BranchProbe:
        """A probe that starts at a canonical block. Raises UnknownFork."""
        header = self._tree.header(fork_hash)
        context = self._tree.context(fork_hash)
        if header is None or context is None or not self._tree.is_canonical(fork_hash, header.number):
            raise UnknownFork(f"0x{fork_hash.hex()} is not on the canonical chain")
        return BranchProbe(self._spec, self._puzzle, header, context)

    def admit(self, probe: BranchProbe, head_total: int) -> None:
        """Let blocks leave the canonical chain at the probe's fork point. Raises ProbeTooLight."""
        if not is_heavier(probe.total_difficulty, head_total):
            raise ProbeTooLight(f"the branch has {probe.total_difficulty} of work, the head {head_total}")
        self._admitted.put(probe.fork_hash, probe.total_difficulty)

    def is_admitted(self, fork_hash: bytes) -> bool:
        """True if a probe from this fork point was admitted and its branch is not yet canonical."""
        return fork_hash in self._admitted

    def settle(self, fork_hash: bytes) -> None:
        """A reorganisation happened at this fork point: the admission is used up."""
        self._admitted.drop(fork_hash)
