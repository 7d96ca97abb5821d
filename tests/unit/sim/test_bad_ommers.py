"""The liar of ommers says what it means to: each of its lies breaks the rule that it names, in the nodes' own words."""

import pytest

from quip.consensus.errors.root import Spoils
from sim.honest.history import import_all, past, scratch_chain, simulated_puzzle, simulated_spec
from sim.liars.bad_ommers import OMMER_LIES, showing, sibling
from sim.liars.lies import Forger

FORGER = 40


@pytest.mark.parametrize("name", OMMER_LIES)
def test_each_lie_breaks_its_rule(name: str) -> None:
    chain = scratch_chain()
    import_all(chain, past()[:5])
    forger = Forger(simulated_spec(), simulated_puzzle(), FORGER)
    now = chain.head.header.timestamp + 2
    rule, make = OMMER_LIES[name]
    lie = make(forger, chain, forger.child(chain, now), sibling(forger, chain))
    with pytest.raises(rule) as caught:
        chain.accept(lie, now)
    assert type(caught.value) is rule
    assert chain.is_invalid(lie.header.hash) is (caught.value.spoils is Spoils.HASH)


def test_the_ommer_itself_is_good() -> None:
    """Else the lies above would be found out for another reason."""
    chain = scratch_chain()
    import_all(chain, past()[:5])
    forger = Forger(simulated_spec(), simulated_puzzle(), FORGER)
    now = chain.head.header.timestamp + 2
    block = showing(forger, forger.child(chain, now), (sibling(forger, chain),))
    with pytest.raises(Exception, match="stateRoot"):  # nobody was paid for it
        chain.accept(block, now)
