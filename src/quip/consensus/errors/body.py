"""Blocks as a whole, bodies and what executing them gives. The tree of all errors is in `root`."""

from __future__ import annotations

from quip.consensus.errors.root import ConsensusError, MalformedMessage, Spoils


class MalformedBlock(MalformedMessage):
    """Not [header, transactions, seal] in canonical RLP."""

    text = "malformed block: {reason}"


class MalformedTransaction(MalformedMessage):
    """Not an EIP-2718 transaction."""

    text = "malformed transaction: {reason}"


class BlockTooLarge(MalformedMessage):
    """More bytes than EIP-7934 and the seal's own limit allow."""

    text = "{part} has {size} bytes, more than {limit}"


class WrongBody(ConsensusError):
    """The transactions do not hash to transactionsRoot."""

    text = "the body's root is {root}, the header's {expected}"


class WrongOmmers(ConsensusError):
    """The ommers do not hash to ommersHash."""

    text = "the hash of the ommers is {hash}, the header's {expected}"


class ExecutionError(ConsensusError):
    """Executing the block does not give what its header says."""

    spoils = Spoils.HASH


class InvalidTransaction(ExecutionError):
    """A transaction of the block breaks a rule."""

    text = "transaction {index} of the block: {reason}"


class NotExecutable(ExecutionError):
    """Lawful by its header, and beyond what execution can count."""

    text = "the block cannot be executed: {reason}"


class WrongStateRoot(ExecutionError):
    """stateRoot is not the root after execution."""

    text = "stateRoot {claimed}, not {computed}"


class WrongReceiptsRoot(ExecutionError):
    """receiptsRoot is not that of the receipts."""

    text = "receiptsRoot {claimed}, not {computed}"


class WrongLogsBloom(ExecutionError):
    """logsBloom is not that of the logs."""

    text = "logsBloom does not match the receipts"


class WrongGasUsed(ExecutionError):
    """gasUsed is not what execution used."""

    text = "gasUsed {claimed}, not {computed}"
