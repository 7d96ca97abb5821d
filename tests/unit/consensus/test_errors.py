"""The tree of errors: every rule has its own class, says what it compared, and whose fault it is."""

import re
from string import Formatter

import pytest

from quip.consensus.errors import root
from quip.consensus.errors.body import ExecutionError, WrongBody, WrongOmmers
from quip.consensus.errors.header import FutureBlock, HeaderError, Unconnected
from quip.consensus.errors.ommer import BadOmmerSeal, OmmerError
from quip.consensus.errors.root import ConsensusError, MalformedMessage, Spoils
from quip.consensus.errors.seal import SealError, SealUnchecked
from quip.consensus.errors.spec import InvalidSpec
from quip.primitives.errors import Fault


def below(kind: type[ConsensusError]) -> list[type[ConsensusError]]:
    return [found for sub in kind.__subclasses__() for found in (sub, *below(sub))]


GROUPS = {
    MalformedMessage: (Fault.AT_FAULT, Spoils.MESSAGE),
    HeaderError: (Fault.AT_FAULT, Spoils.HASH),
    SealError: (Fault.AT_FAULT, Spoils.MESSAGE),
    SealUnchecked: (Fault.BEHIND, Spoils.NOTHING),
    WrongBody: (Fault.AT_FAULT, Spoils.MESSAGE),
    WrongOmmers: (Fault.AT_FAULT, Spoils.MESSAGE),
    BadOmmerSeal: (Fault.AT_FAULT, Spoils.MESSAGE),
    OmmerError: (Fault.AT_FAULT, Spoils.HASH),
    ExecutionError: (Fault.AT_FAULT, Spoils.HASH),
    FutureBlock: (Fault.EARLY, Spoils.NOTHING),
    Unconnected: (Fault.BEHIND, Spoils.NOTHING),
}


@pytest.mark.parametrize("kind", GROUPS)
def test_fault_and_reach_of_a_group(kind: type[ConsensusError]) -> None:
    for member in [kind, *below(kind)]:
        assert (member.fault, member.spoils) == GROUPS[kind]


def test_every_class_belongs_to_a_group_and_is_drawn() -> None:
    grouped = {member for kind in GROUPS for member in (kind, *below(kind))}
    assert grouped == set(below(ConsensusError))
    assert {kind.__name__ for kind in below(ConsensusError)} - set(re.findall(r"\w+", root.__doc__ or "")) == set()
    assert "ConsensusError" in (root.__doc__ or "")


@pytest.mark.parametrize("kind", below(ConsensusError))
def test_the_text_is_made_of_the_values(kind: type[ConsensusError]) -> None:
    names = [name for _, name, _, _ in Formatter().parse(kind.text) if name and name != "reason"]
    error = kind("because", **{name: f"<{name}>" for name in names})
    for name in names:
        assert error.values[name] == f"<{name}>"
        assert f"<{name}>" in str(error)


def test_invalid_spec_names_the_field() -> None:
    error = InvalidSpec("puzzle.ladder", "empty")
    assert (error.field, error.reason) == ("puzzle.ladder", "empty")
    assert str(error) == "chain spec: puzzle.ladder: empty"
    assert str(InvalidSpec("", "not JSON")) == "chain spec: not JSON"
