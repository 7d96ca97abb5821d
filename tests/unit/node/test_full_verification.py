"""Re-verification from genesis: a good chain passes, every kind of bad one is caught at its block."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from quip.consensus.types.block import Block
from quip.node.full_verification import ChainVerifier, VerificationFailed
from quip.storage.state import StagedState
from support.chains import grown, network_spec, puzzle_of

BLOCKS = 10
NOW = 1 << 40


@cache
def blocks() -> tuple[Block, ...]:
    chain = grown(BLOCKS).chain
    stored = [chain.block_by_number(number) for number in range(BLOCKS + 1)]
    return tuple(block.block for block in stored if block is not None)


def verify(chain: tuple[Block, ...], seals_from: int = 1, now: int = NOW) -> list[int]:
    spec = network_spec()
    verifier = ChainVerifier(spec, puzzle_of(spec), StagedState.on_nothing(), seals_from)
    return [verified.block.header.number for verified in verifier.run(chain, now)]


def changed(position: int, change: Callable[[Block], Block]) -> tuple[Block, ...]:
    chain = blocks()
    return (*chain[:position], change(chain[position]), *chain[position + 1 :])


def header(**changes: Any) -> Callable[[Block], Block]:
    return lambda block: replace(block, header=replace(block.header, **changes))


def broken_signature(block: Block) -> Block:
    assert block.seal is not None
    signature = bytearray(block.seal.xmss_signature)
    signature[-1] ^= 1
    return replace(block, seal=replace(block.seal, xmss_signature=bytes(signature)))


def test_a_good_chain_passes_block_by_block() -> None:
    assert verify(blocks()) == list(range(BLOCKS + 1))


def test_the_context_is_recomputed() -> None:
    spec = network_spec()
    chain = grown(BLOCKS).chain
    verifier = ChainVerifier(spec, puzzle_of(spec), StagedState.on_nothing())
    *_, last = verifier.run(blocks(), NOW)
    assert last.context == chain.head.context
    assert verifier.genesis_hash == blocks()[0].header.hash


@pytest.mark.parametrize(
    ("position", "change", "reason"),
    [
        (0, header(timestamp=1), "the chain spec makes genesis"),
        (4, header(state_root=bytes(32)), "SeedMismatch"),
        (4, header(nonce=b"\xff" * 8), "SeedMismatch"),
        (4, broken_signature, "InvalidSignature"),
        (4, lambda block: replace(block, seal=None), "MissingSeal"),
        (BLOCKS, broken_signature, "InvalidSignature"),
        (7, lambda block: blocks()[6], "UnknownParent"),
    ],
)
def test_a_bad_block_is_named(position: int, change: Callable[[Block], Block], reason: str) -> None:
    with pytest.raises(VerificationFailed, match=reason) as caught:
        verify(changed(position, change))
    assert caught.value.number == position or reason == "UnknownParent"


def test_a_missing_block_is_noticed() -> None:
    with pytest.raises(VerificationFailed, match="UnknownParent"):
        verify(blocks()[:3] + blocks()[4:])


def test_blocks_of_the_future_are_refused() -> None:
    with pytest.raises(VerificationFailed, match="FutureBlock"):
        verify(blocks(), now=-NOW)


def test_seals_below_the_first_asked_for_are_not_looked_at() -> None:
    chain = changed(4, broken_signature)
    assert verify(chain, seals_from=5) == list(range(BLOCKS + 1))
    with pytest.raises(VerificationFailed, match="InvalidSignature"):
        verify(chain, seals_from=4)
