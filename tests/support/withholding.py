"""A simple policy that withholds blocks."""

from benchmarks.economics.chain_play import Situation
from benchmarks.economics.withholding import ADOPT, LAST_PUBLIC, MATCH, OVERRIDE, WAIT


def race_of_one(situation: Situation) -> int:
    """Withholds one block and shows it against a public one."""
    if situation.own > situation.public > 0 or situation.own > 1:
        return OVERRIDE
    if situation.public > situation.own:
        return ADOPT
    return MATCH if situation.race == LAST_PUBLIC else WAIT
