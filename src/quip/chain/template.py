"""The block that a miner works on, and the block that comes out of its work.

A template is a header that lacks only nonce and mixHash; its sealing hash is all that the puzzle needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from quip.chain.errors import ForeignSigner
from quip.chain.events import Head
from quip.chain.ports import BlockSigner
from quip.chain.siblings import lawful_ommers, with_count
from quip.consensus.block_validation import Rules
from quip.consensus.execution import gas
from quip.consensus.execution.rewards import paid_by
from quip.consensus.execution.transition import Setting, build
from quip.consensus.proof_of_work.difficulty import Requirements, child_context, requirements
from quip.consensus.types.account_state import BuildLimits, StateReader
from quip.consensus.types.ancestry import Ancestry
from quip.consensus.types.block import MAX_BODY_SIZE, Block, transactions_root
from quip.consensus.types.header import (
    ADDRESS_SIZE,
    EMPTY_BLOOM,
    EMPTY_OMMERS_HASH,
    HASH_SIZE,
    MAX_EXTRA_SIZE,
    MIN_EXTRA_SIZE,
    MINER_ID_SIZE,
    NONCE_SIZE,
    Header,
)
from quip.consensus.types.ommer import Ommer, ommers_hash
from quip.consensus.types.seal import Seal
from quip.consensus.types.transaction import SignedTransaction
from quip.ising.puzzle import seed_of
from quip.primitives import hybrid

BUILDING_TIME = 300
"""Milliseconds for which a template's transactions are tried: a miner waits for it."""
_LIST_PREFIXES = 16
"""Bytes that the lists of a block with transactions need beyond those of one without."""


@dataclass(frozen=True, slots=True)
class Template:
    """A header to be sealed, and what sealing it takes."""

    header: Header
    """mixHash and nonce are zero."""
    sealing_hash: bytes
    """What the nonce is searched for, 32 bytes."""
    requirements: Requirements
    transactions: tuple[bytes, ...]
    ommers: tuple[Ommer, ...] = ()
    refused: tuple[tuple[bytes, str], ...] = ()
    """(hash, reason) of transactions that were tried and are not lawful here."""

    @property
    def level(self) -> int:
        """log2 of the work, 16.16."""
        return self.requirements.level

    @property
    def work(self) -> int:
        """In units of 1,000 spin updates."""
        return self.requirements.work

    @property
    def margin(self) -> int:
        """In 1/512 energy."""
        return self.requirements.margin


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is paid for a block, and who seals it."""

    beneficiary: bytes
    """20 bytes, any address."""
    miner_id: bytes
    """20 bytes, from the mining identity's keys."""
    extra: bytes = b""
    """Up to 11 free bytes of extraData."""


@dataclass(frozen=True, slots=True)
class Below:
    """What a template needs of the blocks below it."""

    state: StateReader
    """After the parent."""
    ancestry: Ancestry | None = None
    """Up to the parent; None where the spec has no ommers."""
    known: Iterable[Ommer] = ()
    """What may be lawful to show, the most urgent first."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A block to be, but for its transactions. Its parent's state stays readable while the chain moves on, so that
    transactions are tried beside the thread that changes the chain."""

    setting: Setting
    state: StateReader
    requirements: Requirements
    ommers: tuple[Ommer, ...]

    def build(self, candidates: Sequence[SignedTransaction] = (), milliseconds: int = BUILDING_TIME) -> Template:
        """With those transactions that are lawful; they come the most wanted first, each after those of its sender that
        it needs, and are tried for so long."""
        header = self.setting.header
        built = build(self.setting, self.state, candidates, BuildLimits(_room(header, self.ommers), milliseconds))
        outcome = built.outcome
        header = replace(
            header,
            state_root=outcome.state.root,
            transactions_root=built.transactions_root,
            receipts_root=outcome.receipts_root,
            logs_bloom=outcome.logs_bloom,
            gas_used=outcome.gas_used,
        )
        sealing_hash, required = header.sealing_hash, self.requirements
        return Template(header, sealing_hash, required, built.transactions, self.ommers, built.refused)


def make_draft(rules: Rules, parent: Head, below: Below, payee: Payee, now: int) -> Draft:
    """A child of `parent` at Unix time `now`, or one second after the parent if later.

    Raises ValueError for a payee whose fields have wrong lengths.
    """
    if len(payee.beneficiary) != ADDRESS_SIZE or len(payee.miner_id) != MINER_ID_SIZE:
        raise ValueError("beneficiary and miner id have 20 bytes")
    if len(payee.extra) > MAX_EXTRA_SIZE - MIN_EXTRA_SIZE:
        raise ValueError(f"{len(payee.extra)} extra bytes, more than {MAX_EXTRA_SIZE - MIN_EXTRA_SIZE}")
    spec = rules.spec
    timestamp = max(now, parent.header.timestamp + 1)
    required = requirements(spec, parent.header, parent.context, timestamp)
    draft = Header(
        parent_hash=parent.hash,
        ommers_hash=EMPTY_OMMERS_HASH,
        beneficiary=payee.beneficiary,
        state_root=bytes(HASH_SIZE),
        transactions_root=transactions_root(()),
        receipts_root=bytes(HASH_SIZE),
        logs_bloom=EMPTY_BLOOM,
        difficulty=required.work,
        number=required.number,
        gas_limit=parent.header.gas_limit,
        gas_used=0,
        timestamp=timestamp,
        extra_data=payee.miner_id + b"\0" + payee.extra,
        mix_hash=bytes(HASH_SIZE),
        nonce=bytes(NONCE_SIZE),
        base_fee_per_gas=gas.next_base_fee(parent.header),
    )
    ommers: tuple[Ommer, ...] = ()
    if below.ancestry is not None:
        ommers = lawful_ommers(spec, below.ancestry, draft, required.controller, below.known)
        shown = ommers_hash(ommer.header for ommer in ommers)
        draft = replace(with_count(draft, len(ommers)), ommers_hash=shown)
    context = child_context(spec.difficulty, parent.header, parent.context, draft)
    paid = paid_by(spec, below.ancestry, draft, context, ommers)
    setting = Setting(spec, rules.puzzle, draft, parent.header.mix_hash, paid.payments)
    return Draft(setting, below.state, required, ommers)


def _room(header: Header, ommers: Iterable[Ommer]) -> int:
    """Bytes that a block of this header and these ommers has left for transactions (EIP-7934)."""
    taken = Block(header, (), None, tuple(ommers)).body_size()
    return MAX_BODY_SIZE - taken - _LIST_PREFIXES


def seal_template(template: Template, nonce: int, solutions: tuple[bytes, ...], signer: BlockSigner) -> Block:
    """The signed block. `nonce` is the big-endian value of the header's 8 bytes. Raises ForeignSigner.

    What the signer raises passes through. Nothing else is checked here: `Chain.accept` does.
    """
    keys = signer.keys
    if hybrid.miner_id(keys) != template.header.miner_id:
        raise ForeignSigner("the template names another miner than the signer")
    raw = nonce.to_bytes(NONCE_SIZE, "big")
    header = replace(template.header, nonce=raw, mix_hash=seed_of(template.sealing_hash, raw))
    ecdsa_signature, xmss_signature = signer.sign_block(header.hash)
    seal = Seal(
        suite=keys.suite,
        ecdsa_key=keys.ecdsa,
        xmss_key=keys.xmss,
        solutions=solutions,
        ecdsa_signature=ecdsa_signature,
        xmss_signature=xmss_signature,
    )
    return Block(header, template.transactions, seal, template.ommers)
