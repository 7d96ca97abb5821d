"""For every rule a change that turns a valid child of the head into a block that breaks it."""

from dataclasses import replace

from quip.chain.chain import Chain
from quip.consensus.errors.body import (
    BlockTooLarge,
    InvalidTransaction,
    WrongBody,
    WrongGasUsed,
    WrongLogsBloom,
    WrongReceiptsRoot,
    WrongStateRoot,
)
from quip.consensus.errors.header import (
    FutureBlock,
    GasLimitStep,
    GasUsedAboveLimit,
    GateClosed,
    SeedMismatch,
    TimestampNotAfterParent,
    TooManyOmmers,
    UnknownParent,
    WrongBaseFee,
    WrongDifficulty,
    WrongExtraData,
    WrongNumber,
    WrongOmmersHash,
)
from quip.consensus.errors.root import ConsensusError, Spoils
from quip.consensus.errors.seal import (
    InvalidSignature,
    MalformedSolutions,
    MissingSeal,
    SolutionsTooClose,
    WrongMiner,
    WrongSolutionCount,
    WrongSuite,
)
from quip.consensus.proof_of_work.difficulty import requirements
from quip.consensus.types.block import MAX_BODY_SIZE, MAX_SEAL_SIZE, Block
from sim.liars.lies import TRANSACTION, closed_gate, flip, too_close, with_seal
from support.mutants import Mutation, signed, with_header, with_transactions
from support.signers import signer

HASH, MESSAGE, NOTHING = Spoils.HASH, Spoils.MESSAGE, Spoils.NOTHING
ZERO = bytes(32)


def header(**changes: object) -> Mutation:
    return lambda chain, block: with_header(chain, block, **changes)


def moved(name: str, by: int) -> Mutation:
    return lambda chain, block: with_header(chain, block, **{name: getattr(block.header, name) + by})


def seal(**changes: object) -> Mutation:
    return lambda chain, block: with_seal(block, **changes)


def seal_part(name: str, position: int = -1) -> Mutation:
    return lambda chain, block: with_seal(block, **{name: flip(getattr(block.seal, name), position)})


def solutions(change: object) -> Mutation:
    return lambda chain, block: with_seal(block, solutions=tuple(change(list(block.seal.solutions))))  # type: ignore


def far_ahead(chain: Chain, block: Block) -> Block:
    """Lawful in all but its time."""
    time_s = 1 << 63
    required = requirements(chain.spec, chain.head.header, chain.head.context, time_s)
    return with_header(chain, block, timestamp=time_s, difficulty=required.work)


MUTANTS: dict[str, tuple[type[ConsensusError], Spoils, Mutation]] = {
    "body too large": (
        BlockTooLarge,
        MESSAGE,
        lambda chain, block: replace(block, transactions=(TRANSACTION + bytes(MAX_BODY_SIZE),)),
    ),
    "seal too large": (BlockTooLarge, MESSAGE, seal(solutions=(bytes(MAX_SEAL_SIZE),))),
    "seed": (
        SeedMismatch,
        HASH,
        lambda chain, block: replace(block, header=replace(block.header, mix_hash=ZERO)),
    ),
    "gate": (GateClosed, HASH, lambda chain, block: closed_gate(chain.spec, block)),
    "number": (WrongNumber, HASH, moved("number", 1)),
    "ommers": (WrongOmmersHash, HASH, header(ommers_hash=ZERO)),
    "extra data": (WrongExtraData, HASH, header(extra_data=bytes(20))),
    "number of ommers": (TooManyOmmers, HASH, header(extra_data=bytes(20) + b"\5")),
    "timestamp": (
        TimestampNotAfterParent,
        HASH,
        lambda chain, block: with_header(chain, block, timestamp=chain.head.header.timestamp),
    ),
    "difficulty": (WrongDifficulty, HASH, moved("difficulty", -1)),
    "gas limit step": (GasLimitStep, HASH, moved("gas_limit", 30_000_000 // 1024)),
    "gas used": (GasUsedAboveLimit, HASH, header(gas_used=30_000_001)),
    "base fee": (WrongBaseFee, HASH, moved("base_fee_per_gas", 1)),
    "future": (FutureBlock, NOTHING, far_ahead),
    "parent": (UnknownParent, NOTHING, header(parent_hash=ZERO)),
    "no seal": (MissingSeal, MESSAGE, lambda chain, block: replace(block, seal=None)),
    "suite": (WrongSuite, MESSAGE, seal(suite=1)),
    "another miner": (
        WrongMiner,
        MESSAGE,
        lambda chain, block: replace(block, seal=signed(block.header, block.seal.solutions, signer(2))),  # type: ignore
    ),
    "ECDSA half": (InvalidSignature, MESSAGE, seal_part("ecdsa_signature", 5)),
    "ECDSA v": (InvalidSignature, MESSAGE, seal_part("ecdsa_signature", 64)),
    "XMSS half": (InvalidSignature, MESSAGE, seal_part("xmss_signature")),
    "XMSS leaf": (InvalidSignature, MESSAGE, seal_part("xmss_signature", 2)),
    "XMSS length": (InvalidSignature, MESSAGE, seal(xmss_signature=bytes(4_962))),
    "ECDSA key": (InvalidSignature, MESSAGE, seal(ecdsa_key=bytes(33))),
    "too few": (WrongSolutionCount, MESSAGE, solutions(lambda s: s[:-1])),
    "too many": (WrongSolutionCount, MESSAGE, solutions(lambda s: [*s, bytes([255] * 6)])),
    "length": (MalformedSolutions, MESSAGE, solutions(lambda s: [s[0] + b"\0", *s[1:]])),
    "order": (MalformedSolutions, MESSAGE, solutions(lambda s: s[::-1])),
    "twice": (MalformedSolutions, MESSAGE, solutions(lambda s: [s[0], s[0], s[1]])),
    "flipped": (MalformedSolutions, MESSAGE, solutions(lambda s: [flip(s[0], 0), *s[1:]])),
    "distance": (SolutionsTooClose, MESSAGE, lambda chain, block: too_close(block)),
    "body": (WrongBody, MESSAGE, lambda chain, block: replace(block, transactions=(TRANSACTION,))),
    "transactions": (InvalidTransaction, HASH, with_transactions),
    "state root": (WrongStateRoot, HASH, header(state_root=ZERO)),
    "receipts root": (WrongReceiptsRoot, HASH, header(receipts_root=ZERO)),
    "logs bloom": (WrongLogsBloom, HASH, header(logs_bloom=bytes([1] * 256))),
    "used gas": (WrongGasUsed, HASH, header(gas_used=21_000)),
}
