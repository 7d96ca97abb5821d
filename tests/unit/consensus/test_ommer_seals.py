"""Seals of ommers that are checked before it is known whether the ommers are lawful: once each, and in their turn."""

from dataclasses import replace
from typing import Any

import pytest

from quip.consensus import rules
from quip.consensus.block_validation import (
    CompleteBlock,
    OmmerClaim,
    OmmerSeal,
    Parent,
    check_body,
    check_header,
    check_seal,
    check_seals,
    claims_of,
    complete,
)
from quip.consensus.errors.ommer import BadOmmerSeal, OmmerOnChain
from quip.consensus.errors.seal import SealError
from quip.consensus.ommers import claimed_margin
from quip.consensus.types.block import Block
from quip.consensus.types.ommer import Ommer
from quip.consensus.work.units import work
from sim.liars.lies import flip
from support.chains import ommer_spec
from support.judged import rules_of
from support.ommers import Family

NOW = 1 << 40
SPEC = ommer_spec()


def judged(family: Family, block: Block, *, seals: bool = True) -> CompleteBlock:
    """As the network hands it to the chain; `seals`: those of its ommers were checked."""
    law, parent_hash = rules_of(family.chain), block.header.parent_hash
    checked = check_header(SPEC, Parent(parent_hash, *family.chain.tree.known(parent_hash)), block.header)
    found = check_seals(law, claims_of(SPEC, block.ommers)) if seals else []
    known = [one for one in found if isinstance(one, OmmerSeal)]
    return complete(check_seal(law, checked, block.seal), check_body(checked, block.body), known)


def spoilt(ommer: Ommer) -> Ommer:
    assert ommer.seal is not None
    return replace(ommer, seal=replace(ommer.seal, xmss_signature=flip(ommer.seal.xmss_signature)))


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Hashes of the headers whose seals are verified from here on."""
    seen: list[bytes] = []
    original = rules.check_seals

    def counted(spec: Any, puzzle: Any, seals: Any) -> Any:
        seen.extend(header.hash for header, _, _ in seals)
        return original(spec, puzzle, seals)

    monkeypatch.setattr(rules, "check_seals", counted)
    return seen


def test_each_seal_is_checked_once(checks: list[bytes]) -> None:
    family = Family()
    ommers = [family.sibling(family.number - back) for back in (4, 2)]
    complete_block = judged(family, family.showing(ommers))
    assert checks == [ommer.header.hash for ommer in ommers]
    family.chain.accept(complete_block, NOW)
    assert family.chain.head.hash == complete_block.checked.hash
    assert checks == [ommer.header.hash for ommer in ommers], "the import looks at none of them again"


def test_what_nobody_has_looked_at_is_checked_at_the_import(checks: list[bytes]) -> None:
    family = Family()
    one = family.sibling(family.number - 2)
    family.chain.accept(judged(family, family.showing([one]), seals=False), NOW)
    assert checks == [one.header.hash]


def test_a_stored_block_is_not_checked_again_as_an_ommer_but_another_seal_of_it_is(checks: list[bytes]) -> None:
    family = Family()
    one = family.sibling(family.number - 2)
    family.chain.accept(Block(one.header, (), one.seal), NOW)
    block = family.showing([one])
    with pytest.raises(BadOmmerSeal):
        family.chain.accept(replace(block, ommers=(spoilt(one),)), NOW)
    assert checks == [one.header.hash]
    family.chain.accept(block, NOW)
    assert checks == [one.header.hash]


def test_a_bad_seal_counts_only_once_all_ommers_are_lawful(checks: list[bytes]) -> None:
    family = Family()
    one = family.sibling(family.number - 2)
    good = family.showing([one])
    with pytest.raises(BadOmmerSeal):
        family.chain.accept(judged(family, replace(good, ommers=(spoilt(one),))), NOW)
    assert not family.chain.is_invalid(good.header.hash)
    stored = family.chain.block_by_number(family.number - 3)
    assert stored is not None
    unlawful = family.showing([one, Ommer(stored.header, stored.seal)])
    with pytest.raises(OmmerOnChain):
        family.chain.accept(judged(family, replace(unlawful, ommers=(spoilt(one), unlawful.ommers[1]))), NOW)
    assert family.chain.is_invalid(unlawful.header.hash)


def test_a_verdict_is_for_one_seal_and_one_side_of_its_margin() -> None:
    family = Family()
    one = family.sibling(family.number - 2)
    (claim,) = claims_of(SPEC, [one])
    (good,) = check_seals(rules_of(family.chain), [claim])
    (bad,) = check_seals(rules_of(family.chain), [replace(claim, ommer=spoilt(one))])
    assert isinstance(good, OmmerSeal) and good.error is None
    assert isinstance(bad, OmmerSeal) and isinstance(bad.error, SealError)
    margins = (claim.margin - 1, claim.margin, claim.margin + 1)
    assert [good.settles(one, margin) for margin in margins] == [True, True, False]
    assert [bad.settles(spoilt(one), margin) for margin in margins] == [False, True, True]
    assert not good.settles(spoilt(one), claim.margin)
    with pytest.raises(TypeError):
        OmmerSeal(OmmerClaim(one, 0), None, object())


def test_the_margin_that_a_difficulty_claims() -> None:
    """The highest that a parent could make of it; none for a difficulty of no level, nor behind a closed gate."""
    family = Family()
    header = family.sibling(family.number - 2).header
    lowest, highest = SPEC.difficulty.lo, SPEC.difficulty.hi
    found = claimed_margin(SPEC, header)
    stored = family.chain.block_by_number(family.number - 3)
    assert stored is not None
    required = rules.check_header(SPEC, stored.header, stored.context, header)
    assert found is not None and required.margin <= found
    between = next(difficulty for difficulty in range(work(highest) - 1, 0, -1) if difficulty != work(highest - 1))
    for difficulty in (work(lowest) - 1, work(highest) + 1, between):
        wrong = family.changed(Ommer(header, None), difficulty=difficulty).header
        assert claimed_margin(SPEC, wrong) is None, difficulty
    assert claimed_margin(SPEC, replace(header, nonce=bytes(8))) is None
    assert claims_of(SPEC, [Ommer(header, None)]) == ()
