"""Makes one block when it is told to: the template of now, a proof, a seal, and into the chain.

The proof is searched for by the worker that every miner runs, stepped by the caller instead of a thread of its own.
"""

import secrets

import structlog

from quip.chain.template import Template
from quip.consensus.types.block import Block
from quip.mining.plan import shipped_plans
from quip.mining.samplers.cpu import CpuSampler
from quip.mining.worker import MinerSetup, MinerStatistics, Tally, Worker
from quip.networks.network import Network
from quip.node.chain_thread import ChainThread
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.setup import MiningSetup
from quip.rpc.errors import CallFailed

log = structlog.get_logger("quip.mining")

NAME = "on demand"
ATTEMPTS = 1_000
"""At a level that nearly every attempt meets; so many failures are no bad luck."""


class _OneBlock:
    """A WorkSource with one template; keeps the block that came of it."""

    def __init__(self, producer: BlockProducer) -> None:
        self._producer = producer
        self.wanted: Template | None = None
        self.made: Block | None = None
        self.refused = False

    def template(self) -> Template | None:
        """The block to make."""
        return self.wanted

    def is_current(self, template: Template) -> bool:
        """Does it still build on the head?"""
        return self._producer.is_current(template)

    def seal(self, template: Template, nonce: int, solutions: tuple[bytes, ...]) -> Block | None:
        """The signed block."""
        block = self._producer.seal(template, nonce, solutions)
        self.refused = block is None
        return block

    def submit(self, block: Block) -> bool:
        """Hand it in; True if it is now the head."""
        self.refused = not self._producer.submit(block)
        self.made = None if self.refused else block
        return not self.refused


class BlockMaker:
    """One thread at a time."""

    def __init__(self, writer: ChainThread, rules: Network, mining: MiningSetup) -> None:
        self._writer = writer
        self._beneficiary, self._miner_id = mining.beneficiary, mining.identity.miner_id
        self._producer = mining.producer
        self._source = _OneBlock(mining.producer)
        sampler = CpuSampler()
        setup = MinerSetup(
            name=NAME,
            samplers=(sampler,),
            plans=shipped_plans(rules.spec.name, rules.puzzle.rules.topology.digest),
            first_nonce=secrets.randbits(48),
        )
        tally = Tally(MinerStatistics(NAME, sampler.kind, sampler.device, 1))
        self._worker = Worker(setup, 0, rules.puzzle, self._source, tally)

    def make(self) -> Block:
        """A block on the head with what is executable in the pool; it is the head now. Raises CallFailed."""
        source = self._source
        for _ in range(ATTEMPTS):
            template = source.wanted
            if template is None or not source.is_current(template):
                source.wanted = template = self._writer.template(self._beneficiary, self._miner_id)
            source.made, source.refused = None, False
            self._worker.begin()
            self._worker.work(template)
            if source.made is not None:
                source.wanted = None
                return source.made
            if source.refused:
                break
        source.wanted = None
        raise CallFailed(f"no block could be made: {self._producer.idle_because or 'the log of the node says why'}")
