"""Chains of the `test` network in memory."""

from dataclasses import replace
from functools import cache

from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.ports import ChainStore
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.storage.chain_store import RedbChainStore, for_network
from sim.honest.chain_generator import ChainGenerator, Solver
from support.signers import signer


@cache
def network_spec() -> ChainSpec:
    return load_spec("test")


@cache
def flat_spec() -> ChainSpec:
    """The same without ommers."""
    spec = network_spec()
    return replace(spec, ommers=replace(spec.ommers, limit=0), rewards=replace(spec.rewards, streak_multiplier=(100,)))


@cache
def ommer_spec(window: int = 6) -> ChainSpec:
    """The same with so short a window that a few blocks settle something."""
    spec = network_spec()
    return replace(spec, ommers=replace(spec.ommers, window=window))


@cache
def puzzle_of(spec: ChainSpec) -> Puzzle:
    return Puzzle(puzzle_rules(spec.puzzle))


def memory_store(spec: ChainSpec) -> RedbChainStore:
    return for_network(native_store.Store.in_memory(), spec.chain_id)


def new_chain(spec: ChainSpec | None = None, store: ChainStore | None = None) -> Chain:
    spec = spec or network_spec()
    return Chain.open(spec, store or memory_store(spec), puzzle_of(spec))


def generator(chain: Chain, seed: int = 1, miners: int = 2, solver: Solver | None = None) -> ChainGenerator:
    signers = [signer(number) for number in range(1, miners + 1)]
    return ChainGenerator(chain, puzzle_of(chain.spec), signers, seed, solver)


def grown(blocks: int, seed: int = 1, miners: int = 2, spec: ChainSpec | None = None) -> ChainGenerator:
    made = generator(new_chain(spec), seed, miners)
    for _ in made.extend(blocks):
        pass
    return made
