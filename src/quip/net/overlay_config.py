"""The settings of an overlay, and what it shows of its peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quip.net.address import Address
from quip.net.limits import HEARTBEAT_INTERVAL_S, HEARTBEAT_TIMEOUT_S, MAX_INBOUND, OUTBOUND_TARGET
from quip.net.link import Purpose
from quip.net.wire.messages import HeadClaim

PROTOCOL_VERSION = 1


def _nothing() -> tuple[Address, ...]:
    return ()


def _idle() -> bool:
    return False


def _no_counters() -> tuple[tuple[str, int], ...]:
    return ()


@dataclass(frozen=True, slots=True)
class OverlayConfig:
    """One node's settings for the network. Nothing here is secret: most of it is sent to peers."""

    node_id: bytes
    """This node's own, 32 bytes."""
    agent: str
    """Such as quip/0.1.0."""
    public: Address | None = None
    """Where others can dial this node; an unspecified host means: at the address they see. None: nowhere."""
    manual: Callable[[], tuple[Address, ...]] = _nothing
    """The peers that the operator named, resolved; read again at every redial."""
    heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S
    heartbeat_timeout_s: float = HEARTBEAT_TIMEOUT_S
    target_outbound: int = OUTBOUND_TARGET
    """Peers to choose from the address book; 0: only manual ones."""
    max_inbound: int = MAX_INBOUND
    mining: Callable[[], bool] = _idle
    """For STATUS."""
    counters: Callable[[], tuple[tuple[str, int], ...]] = _no_counters
    """For STATS: public counts since the start."""


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """One joined peer, for RPC and people."""

    connection: int
    address: Address
    node_id: bytes
    purpose: Purpose
    public: Address | None
    agent: str
    head: HeadClaim
    """Its last claim."""
    connected_at_unix_s: int
    heartbeat_age_s: float
    """Since its last heartbeat (or its join)."""
    bytes_in: int
    """Of streams, without QUIC's own overhead."""
    bytes_out: int
    messages_in: int
    blocks_first: int
    """New blocks that it brought before all others."""
