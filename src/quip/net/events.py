"""What happens to the overlay: its whole input. `Overlay.handle(event, now) -> list[Action]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from quip.chain.chain import Accepted
from quip.chain.events import Head
from quip.consensus.block_validation import SealVerdict
from quip.consensus.errors.root import ConsensusError
from quip.net.address import Address
from quip.net.link import Link
from quip.net.wire.messages import Encoded, TransactionClaim


@dataclass(frozen=True, slots=True)
class Opened:
    """A TLS handshake was completed. Connections are numbered by the transport and never reused."""

    connection: int
    link: Link


@dataclass(frozen=True, slots=True)
class DialFailed:
    """A dial came to nothing."""

    address: Address
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Who dialled us was turned away before it was a connection; only for the log."""

    address: Address
    reason: str
    handshake: bool
    """True: in TLS (its certificate, or the proof of its key). False: before it, for it is banned or we are full."""
    untold: int = 0
    """So many others of either kind were turned away before it, and not told of: there were too many."""


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes of one stream, in order; `fin`: the sender has no more. QUIC stream numbers (RFC 9000, section 2.1)."""

    connection: int
    stream: int
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class StreamReset:
    """The other side gave a stream up (RESET_STREAM or STOP_SENDING)."""

    connection: int
    stream: int
    code: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is gone, whoever ended it."""

    connection: int
    reason: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many bytes handed over for sending the other side has not taken yet; told when it changes much."""

    connection: int
    unsent_bytes: int


@dataclass(frozen=True, slots=True)
class SealsChecked:
    """The answer to CheckSeals, in order: the sealed header, or the rule that the seal breaks; of ommers OmmerSeals."""

    job: int
    verdicts: tuple[SealVerdict, ...]


ImportOutcome: TypeAlias = Accepted | ConsensusError | None
"""What became of a block. None: not taken through no fault of its own (disk full, stopping)."""


@dataclass(frozen=True, slots=True)
class BlocksImported:
    """The answer to ImportBlocks, in order."""

    job: int
    outcomes: tuple[ImportOutcome, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to Answer: what to send back on that stream."""

    connection: int
    stream: int
    message: Encoded | None
    """None: it could not be answered (the store failed); the asker is told to ask somebody else."""


@dataclass(frozen=True, slots=True)
class HeadMoved:
    """The chain has a new head, mined or imported; `depth` canonical blocks left for it."""

    old: Head
    new: Head
    depth: int
    mined: bool
    """This node's own miners made it."""


@dataclass(frozen=True, slots=True)
class TransactionsReady:
    """Transactions have become executable in the pool, whoever brought them: peers are told."""

    claims: tuple[TransactionClaim, ...]


@dataclass(frozen=True, slots=True)
class TransactionInvalid:
    """A peer sent a transaction that no honest node passes on."""

    connection: int
    transaction_hash: bytes
    reason: str
    """The rule that it breaks."""


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """Somebody edited bans, pins or manual peers in the peer storage: read them again."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed. Sent at least every TICK_S."""


Event: TypeAlias = (
    Opened | DialFailed | Rejected | Received | StreamReset | Closed | Backlog
    | SealsChecked | BlocksImported | Answered | HeadMoved | TransactionsReady | TransactionInvalid
    | PolicyChanged | Tick
)  # fmt: skip
