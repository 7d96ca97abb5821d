"""The order of checks, and the values that only they can make."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from quip.consensus import block_validation as law
from quip.consensus.errors.body import BlockTooLarge, WrongBody, WrongStateRoot
from quip.consensus.errors.header import FutureBlock, GasUsedAboveLimit, SeedMismatch, UnknownParent
from quip.consensus.errors.root import ConsensusError
from quip.consensus.errors.seal import InvalidSignature, SealError
from quip.consensus.types.ancestry import Ancestor, Ancestry
from quip.consensus.types.block import MAX_BODY_SIZE, Block
from quip.consensus.types.ommer import Ommer
from sim.liars.lies import flip
from support.chains import grown, network_spec, new_chain
from support.forged import checked_header, complete_block
from support.judged import judged, rules_of
from support.mutants import with_header

NOW = 1 << 40
MADE = grown(2).chain
FIRST, SECOND = (one.block for one in (MADE.block_by_number(1), MADE.block_by_number(2)) if one is not None)


class OnGenesis:
    """`ParentChain`: an empty chain that says what it was asked for."""

    def __init__(self) -> None:
        self.chain = new_chain()
        self.asked: list[str] = []

    def parent(self, header: Any) -> law.Parent:
        self.asked.append("parent")
        head = self.chain.head
        return law.Parent(head.hash, head.header, head.context).parent(header)

    def admit(self, checked: law.CheckedHeader) -> None:
        self.asked.append("depth")

    def ancestry(self, parent: law.Parent) -> Ancestry:
        self.asked.append("ancestry")
        return Ancestry(self.chain.spec.ommers.window, [Ancestor(parent.hash, parent.header, parent.context, ())], 0)

    def has_sealed(self, ommer: Ommer) -> bool:
        self.asked.append("seal of an ommer")
        return False

    def state(self, root: bytes) -> Any:
        self.asked.append("state")
        return self.chain.tree.state(root)


def spoilt(**changes: Any) -> Block:
    """The first block with another header that still shows gate work, under its old seal."""
    return with_header(MADE, FIRST, **changes)


def test_a_good_block_comes_out_executed() -> None:
    executed = law.validate(rules_of(MADE), OnGenesis(), FIRST, NOW)
    assert executed.checked.hash == FIRST.header.hash
    assert executed.complete.block == FIRST
    assert executed.state.root == FIRST.header.state_root
    assert executed.checked.context == MADE.tree.context(FIRST.header.hash)
    (complete,) = judged(new_chain(), [FIRST])
    assert law.validate(rules_of(MADE), OnGenesis(), complete, NOW).state.root == executed.state.root


def test_the_order_of_checks() -> None:
    """Each fault is found before all that come after it: a block with all of them, then one fewer at a time."""
    spec = network_spec()
    punctual = law.Rules(replace(spec, difficulty=replace(spec.difficulty, future_limit=0)), rules_of(MADE).puzzle)
    late, early = NOW, FIRST.header.timestamp - 1
    assert FIRST.seal is not None
    bad_seal = replace(FIRST.seal, xmss_signature=flip(FIRST.seal.xmss_signature))
    fat = (b"\x02" + bytes(MAX_BODY_SIZE),)
    closed: dict[str, Any] = {"nonce": b"\xff" * 8}
    orphan, unlawful, false = {"parent_hash": bytes(32)}, {"gas_used": 1 << 40}, {"state_root": bytes(32)}
    everything = spoilt(**orphan, **unlawful, **false)
    lawless, lawful = spoilt(**unlawful, **false), spoilt(**false)
    cases: list[tuple[Block, int, type[ConsensusError], list[str]]] = [
        (Block(replace(everything.header, **closed), fat, bad_seal), early, BlockTooLarge, []),
        (Block(replace(everything.header, **closed), (b"\x02",), bad_seal), early, SeedMismatch, []),
        (Block(everything.header, (b"\x02",), bad_seal), early, UnknownParent, ["parent"]),
        (Block(lawless.header, (b"\x02",), bad_seal), early, GasUsedAboveLimit, ["parent"]),
        (Block(lawful.header, (b"\x02",), bad_seal), early, FutureBlock, ["parent", "depth"]),
        (Block(lawful.header, (b"\x02",), bad_seal), late, InvalidSignature, ["parent", "depth"]),
        (replace(lawful, transactions=(b"\x02",)), late, WrongBody, ["parent", "depth", "parent", "ancestry"]),
        (lawful, late, WrongStateRoot, ["parent", "depth", "parent", "ancestry", "parent", "state"]),
    ]
    for block, now, expected, asked in cases:
        chain = OnGenesis()
        with pytest.raises(expected):
            law.validate(punctual, chain, block, now)
        assert chain.asked == asked


def test_parts_that_came_one_by_one_make_no_block_that_is_too_large() -> None:
    fat = complete_block(replace(FIRST, transactions=(b"\x02" + bytes(MAX_BODY_SIZE),)))
    with pytest.raises(BlockTooLarge):
        law.validate(rules_of(MADE), OnGenesis(), fat, NOW)


def test_many_seals_are_judged_as_one() -> None:
    first, second = judged(new_chain(), [FIRST, SECOND])
    assert first.sealed.seal != second.sealed.seal
    checks = [law.SealCheck(first.checked, one.sealed.seal) for one in (first, second)]
    good, bad = law.check_seals(rules_of(MADE), checks)
    assert good == first.sealed
    assert isinstance(bad, SealError)


def test_halves_of_two_blocks_make_none() -> None:
    first, second = judged(new_chain(), [FIRST, SECOND])
    with pytest.raises(ValueError, match="the body is of block"):
        law.complete(first.sealed, second.body)


def test_nobody_else_makes_what_the_checks_make() -> None:
    """No constructor, no copy with another field."""
    (complete,) = judged(new_chain(), [FIRST])
    executed = law.validate(rules_of(MADE), OnGenesis(), complete, NOW)
    values = (complete.checked, complete.sealed, complete.body, complete, executed)
    for value in values:
        make: Any = type(value)
        names = [name for name in make.__match_args__ if name != "made_by"]
        parts: list[Any] = [getattr(value, name) for name in names]
        for forged_by in (None, object(), True):
            with pytest.raises(TypeError, match="made by the checks"):
                make(*parts, forged_by)
        with pytest.raises(TypeError):
            make(*parts)
        with pytest.raises((TypeError, ValueError)):
            replace(value, **{names[0]: parts[0]})
        with pytest.raises(AttributeError):
            setattr(value, names[0], parts[0])
        assert copy.copy(value) == value  # the same is no other
    assert checked_header(FIRST.header).hash == FIRST.header.hash  # what tests forge, they forge with the maker's mark


def test_nobody_else_names_the_mark() -> None:
    from pathlib import Path

    source = Path(law.__file__).parents[1]
    named = [path for path in source.rglob("*.py") if "_THE_LAW" in path.read_text()]
    assert named == [Path(law.__file__)]
