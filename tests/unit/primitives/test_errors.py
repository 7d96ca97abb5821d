"""The two roots: what they carry."""

import pytest

from quip.consensus.errors.root import ConsensusError
from quip.net.errors import NetError
from quip.primitives.errors import Fault, OperatorError, RuleError


def test_an_operator_is_told_what_is_wrong_and_what_to_do() -> None:
    error = OperatorError("no such file", "make one")
    assert (str(error), error.message, error.hint) == ("no such file", "no such file", "make one")
    assert OperatorError("no such file").hint == ""


def test_a_broken_rule_says_what_it_compared() -> None:
    class TooMany(RuleError):
        text = "{count} of them, not {limit}"

    error = TooMany(count=3, limit=2)
    assert str(error) == "3 of them, not 2"
    assert error.values == {"reason": "", "count": 3, "limit": 2}
    assert error.fault is Fault.AT_FAULT


@pytest.mark.parametrize("root", [ConsensusError, NetError])
def test_blocks_and_peers_break_rules(root: type[RuleError]) -> None:
    assert issubclass(root, RuleError)
    assert str(root("as it is")) == "as it is"
