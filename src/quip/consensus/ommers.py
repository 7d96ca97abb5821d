"""Which ommers a block may show. `block_validation` says when it is asked.

    1. numbers within the window; none of them an ancestor, or included before
    2. each builds on an ancestor, on an ommer of one, or on one earlier in the list
    3. gate and header rules hold against its own parent; it is no younger than the block
    4. its difficulty is at least 1 / fork_factor of what the fork asked for, and 1 / chain_factor of what the block's
       own height does

Each rule is asked of all of them before the next one. Nothing of an ommer's body matters: it is not executed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from quip.consensus import rules
from quip.consensus.errors.header import HeaderError
from quip.consensus.errors.ommer import (
    OmmerBreaksRule,
    OmmerOnChain,
    OmmerOutsideWindow,
    OmmerRepeated,
    OmmerTooLight,
    OmmerWithoutParent,
    WrongOmmerCount,
)
from quip.consensus.proof_of_work.difficulty import Requirements, child_context
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.ancestry import Ancestry, IncludedOmmer
from quip.consensus.types.block_context import BlockContext
from quip.consensus.types.header import Header
from quip.consensus.work.ladder import margin_at
from quip.consensus.work.units import work


@dataclass(frozen=True, slots=True)
class LawfulOmmer:
    """An ommer whose seal was not looked at."""

    included: IncludedOmmer
    required: Requirements
    """What its seal has to prove."""


class _Base(NamedTuple):
    """What an ommer builds on."""

    header: Header
    context: BlockContext
    fork_controller: int
    """c(k + 1) of the block's chain, for whatever builds on this."""


def check_ommers(
    spec: ChainSpec, ancestry: Ancestry, block: Header, controller: int, headers: Sequence[Header]
) -> list[LawfulOmmer]:
    """The headers are lawful ommers of `block`, a child of the ancestry's tip with that c(n). Raises an OmmerError."""
    if len(headers) != block.ommer_count:
        raise WrongOmmerCount(count=len(headers), expected=block.ommer_count)
    if not headers:
        return []
    _check_places(ancestry, headers)
    bases = _bases(ancestry, headers)
    lawful = _check_headers(spec, block, headers, bases)
    for one in lawful:
        check_difficulty(spec, one.included, controller)
    return lawful


def claimed_margin(spec: ChainSpec, header: Header) -> int | None:
    """The margin that a seal has to meet if the header's difficulty is right, whatever its parent. None: it is not.

    Where neighbouring levels have one difficulty, the highest of them: more than that is never asked. Also None while
    the gate is closed, so that a seal of a header that cost nothing is not looked at.
    """
    levels = range(spec.difficulty.lo, spec.difficulty.hi + 1)
    place = bisect_right(levels, header.difficulty, key=work) - 1
    if place < 0 or work(levels[place]) != header.difficulty:
        return None
    try:
        rules.check_gate(spec, header)
    except HeaderError:
        return None
    return margin_at(spec.puzzle.ladder, levels[place])


def check_difficulty(spec: ChainSpec, ommer: IncludedOmmer, controller: int) -> None:
    """An ommer of a block with that c(n) is neither too late nor too easy. Raises OmmerTooLight."""
    _check_part(ommer, spec.ommers.fork_factor, work(ommer.fork_controller))
    _check_part(ommer, spec.ommers.chain_factor, work(controller))


def _check_places(ancestry: Ancestry, headers: Sequence[Header]) -> None:
    number = ancestry.tip.header.number + 1
    lowest = max(1, number - ancestry.window)
    seen: set[bytes] = set()
    for header in headers:
        name = _name(header)
        if not lowest <= header.number < number:
            raise OmmerOutsideWindow(ommer=name, number=header.number, block=number, lowest=lowest, highest=number - 1)
        if ancestry.ancestor(header.hash):
            raise OmmerOnChain(ommer=name)
        if ancestry.ommer(header.hash) or header.hash in seen:
            raise OmmerRepeated(ommer=name)
        seen.add(header.hash)


def _bases(ancestry: Ancestry, headers: Sequence[Header]) -> list[Header | _Base]:
    """Per ommer what it builds on; one that is earlier in the list by its header, since it is not judged yet."""
    bases: list[Header | _Base] = []
    earlier: dict[bytes, Header] = {}
    for header in headers:
        base = earlier.get(header.parent_hash) or _base(ancestry, header.parent_hash)
        if base is None:
            raise OmmerWithoutParent(ommer=_name(header), parent=f"0x{header.parent_hash.hex()}")
        bases.append(base)
        earlier[header.hash] = header
    return bases


def _base(ancestry: Ancestry, parent_hash: bytes) -> _Base | None:
    ancestor = ancestry.ancestor(parent_hash)
    if ancestor is not None:
        return _Base(ancestor.header, ancestor.context, ancestor.context.next_controller)
    ommer = ancestry.ommer(parent_hash)
    return None if ommer is None else _Base(ommer.header, ommer.context, ommer.fork_controller)


def _check_headers(
    spec: ChainSpec, block: Header, headers: Sequence[Header], bases: Sequence[Header | _Base]
) -> list[LawfulOmmer]:
    lawful: list[LawfulOmmer] = []
    judged: dict[bytes, _Base] = {}
    for header, below in zip(headers, bases, strict=True):
        base = judged[below.hash] if isinstance(below, Header) else below
        try:
            rules.check_gate(spec, header)
            required = rules.check_header(spec, base.header, base.context, header)
        except HeaderError as error:
            raise OmmerBreaksRule(ommer=_name(header), reason=f"{type(error).__name__}: {error}") from error
        if header.timestamp > block.timestamp:
            reason = f"timestamp {header.timestamp} is after the block's {block.timestamp}"
            raise OmmerBreaksRule(ommer=_name(header), reason=reason)
        context = child_context(spec.difficulty, base.header, base.context, header)
        judged[header.hash] = _Base(header, context, base.fork_controller)
        included = IncludedOmmer(header.hash, header, context, base.fork_controller)
        lawful.append(LawfulOmmer(included, required))
    return lawful


def _check_part(ommer: IncludedOmmer, part: int, least: int) -> None:
    difficulty = ommer.header.difficulty
    if part * difficulty < least:
        raise OmmerTooLight(ommer=_name(ommer.header), difficulty=difficulty, part=part, least=least)


def _name(header: Header) -> str:
    return f"0x{header.hash.hex()}"
