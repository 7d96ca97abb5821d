"""Every manner of lying, and who lies so."""

from __future__ import annotations

from collections.abc import Sequence

from sim.honest.node import SimNode, World
from sim.liars.bad_ommers import BadOmmers
from sim.liars.drip import Drip
from sim.liars.early import Early
from sim.liars.false_claims import FalseClaims
from sim.liars.frame import Frame
from sim.liars.garbage import Garbage
from sim.liars.liar import Liar
from sim.liars.mutants import Mutants
from sim.liars.sides import Sides
from sim.liars.silence import Silence
from sim.liars.sybils import Sybils
from sim.liars.twins import Twins
from sim.liars.wrong_parts import WrongParts
from sim.scenario import LiarPlan, Manner

LIARS: dict[Manner, type[Liar]] = {
    Manner.MUTANTS: Mutants,
    Manner.WRONG_PARTS: WrongParts,
    Manner.FALSE_CLAIMS: FalseClaims,
    Manner.GARBAGE: Garbage,
    Manner.EARLY: Early,
    Manner.SIDES: Sides,
    Manner.SILENCE: Silence,
    Manner.DRIP: Drip,
    Manner.SYBILS: Sybils,
    Manner.TWINS: Twins,
    Manner.FRAME: Frame,
    Manner.BAD_OMMERS: BadOmmers,
}


def liar_of(world: World, plan: LiarPlan, nodes: Sequence[SimNode]) -> Liar:
    """The liar of a plan."""
    return LIARS[plan.manner](world, plan, nodes)
