"""Whole blocks as bytes: the references and the chain agree with the vectors, field by field."""

import json
from typing import Any

import pytest

from quip.chain.chain import Status
from quip.consensus.types.block import Block
from quip.consensus.types.header import Header
from reference import ising, law
from support import places
from support.block_vectors import text
from support.chains import network_spec, new_chain, puzzle_of

PATH = places.VECTORS / "blocks.json"
VECTORS: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
RULES = puzzle_of(network_spec()).rules


def data(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def test_the_generator_still_makes_them() -> None:
    assert text() == PATH.read_text(encoding="utf-8")


def test_genesis() -> None:
    header = Header.decode(data(VECTORS["genesisRlp"]))
    assert header == new_chain().head.header
    assert law.keccak256(data(VECTORS["genesisRlp"])) == data(VECTORS["genesisHash"])
    document = json.loads((places.ROOT / VECTORS["spec"]).read_bytes())
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert law.keccak256(canonical.encode()) == data(VECTORS["specDigest"]) == header.mix_hash


def test_accepted_in_order() -> None:
    chain = new_chain()
    for case in VECTORS["blocks"]:
        block = Block.decode(data(case["rlp"]))
        assert chain.accept(block, block.header.timestamp).status is Status.CONNECTED
        assert chain.head.hash == data(case["hash"])


@pytest.mark.parametrize("case", VECTORS["blocks"])
def test_values_by_the_references(case: dict[str, Any]) -> None:
    block = Block.decode(data(case["rlp"]))
    assert block.encode() == data(case["rlp"])
    assert block.seal is not None
    fields, solutions = block.header.fields(), block.seal.solutions
    assert law.keccak256(law.rlp(fields)) == data(case["hash"])
    assert law.keccak256(law.rlp([*fields[:13], fields[15]])) == data(case["sealingHash"])
    seed = ising.seed_of(data(case["sealingHash"]), block.header.nonce)
    assert seed == data(case["seed"]) == block.header.mix_hash
    assert ising.gate_open(seed, RULES.gate_bits)
    instance, n = ising.expand(RULES, seed), RULES.topology.n
    energies = [ising.energy(RULES.topology, instance, ising.unpack(spins, n)) for spins in solutions]
    assert energies == case["energies"]
    pairs = [(a, b) for i, a in enumerate(solutions) for b in solutions[:i]]
    assert min(ising.distance(a, b, n, RULES.fold) for a, b in pairs) == case["minimumDistance"]
    assert ising.baseline(RULES, seed) == case["baseline"]
    assert law.work(case["level"]) == block.header.difficulty
    assert law.margin([list(point) for point in network_spec().puzzle.ladder], case["level"]) == case["margin"]
    assert (case["baseline"] - case["margin"]) // 512 == case["maxEnergy"] >= max(energies)
