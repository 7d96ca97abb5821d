"""Who mines on this node: the identity that signs, the payee, where work comes from, and the miners."""

import contextlib
from dataclasses import dataclass

from quip.node import startup
from quip.node.core import NodeCore
from quip.node.mining.block_producer import BlockProducer
from quip.node.mining.doppelganger import Doppelganger
from quip.node.mining.miners import Miners
from quip.node.process import logs
from quip.wallet.mining_identity.identity import MiningIdentity


@dataclass(frozen=True, slots=True)
class MiningSetup:
    """What mining needs, whether the node mines or not."""

    identity: MiningIdentity
    beneficiary: bytes
    """20 bytes: who is paid for this node's blocks."""
    producer: BlockProducer
    miners: Miners
    on_demand: bool = False
    """Blocks are made when they are asked for, whether miners run or not."""

    @property
    def idle_because(self) -> str | None:
        """Why nothing is mined now; None while something is."""
        if self.on_demand:
            return "blocks are made on demand"
        if not self.miners.running:
            return "mining is off"
        return self.producer.idle_because or self.miners.failing


def open_mining(core: NodeCore, payout: bytes | None, stack: contextlib.ExitStack) -> MiningSetup:
    """Open (on the first run make) identity and payee; `stack` closes the identity. Raises NodeError."""
    identity = startup.open_identity(core.files, core.rules.spec.chain_id, core.store, logs.key_progress)
    stack.callback(identity.close)
    beneficiary = startup.payee(payout, core.files, core.store, identity.miner_id)
    producer = BlockProducer(core.writer, core.clock, identity, beneficiary, core.files.root)
    watch = Doppelganger(core.writer.chain, identity, producer)
    watch.look_back()
    core.writer.chain.subscribe(watch)
    miners = Miners(core.config, core.rules, producer, core.metrics)
    return MiningSetup(identity, beneficiary, producer, miners, core.config.mine_on_demand)
