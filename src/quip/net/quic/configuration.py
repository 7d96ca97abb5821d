"""What all QUIC connections of one node have in common."""

from __future__ import annotations

from dataclasses import dataclass

from quip.net.quic.cpu_budget import CommonCpuBudget
from quip.net.quic.node_identity import NodeIdentity
from quip.net.quic.stateless_reset import ResetTokens


@dataclass(frozen=True, slots=True)
class QuicSetup:
    """Who we are, what we ask of others, and the budget that strangers share."""

    identity: NodeIdentity
    resets: ResetTokens
    common_cpu: CommonCpuBudget
    client_ca: bytes | None = None
    """PEM; None: peers sign their own certificates."""
    idle_timeout_s: float = 60.0
