"""What happened in transactions, step by step or call by call: a block's are run again on its parent's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quip._native import simulate
from quip.consensus.execution.simulation import CallLimits
from quip.consensus.execution.transition import Setting, recovered
from quip.consensus.types.account_state import StateReader


@dataclass(frozen=True, slots=True)
class BlockTracer:
    """A block whose transactions are traced. `Question.trace` traces calls that nobody signed."""

    setting: Setting
    state: StateReader
    """Of its parent."""
    transactions: Sequence[bytes]
    limits: CallLimits

    def trace(self, options: str, only: int | None = None) -> list[str]:
        """The JSON of the traces of all transactions, or of that in one place.

        `options`: JSON, as go-ethereum's debug_traceTransaction takes them. Raises Refused for options that cannot be
        had, Stopped, StateMissing.
        """
        block = self.setting.native(len(self.transactions))
        signed = recovered(self.transactions)
        limits = self.limits
        return simulate.trace_block(
            self.state.native, block, signed, (options, only), limits.milliseconds, limits.cancel
        )
