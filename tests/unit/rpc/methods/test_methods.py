"""The methods over a real chain of the test network."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from quip.consensus.types.block import Block
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import spec_bytes
from quip.primitives import rlp
from quip.primitives.hashes import keccak256
from quip.rpc.errors import CallFailed, InvalidParams, RpcError
from quip.rpc.methods import block_objects
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import NetworkView, NodeView, RpcView
from quip.storage.chain_store import RedbChainStore
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, memory_store, network_spec, new_chain, puzzle_of

BLOCKS = 12
GETPROOF_FIELDS = [
    "number",
    "hash",
    "sealingHash",
    "nonce",
    "seed",
    "gateBits",
    "topology",
    "level",
    "work",
    "baseline",
    "margin",
    "maxEnergy",
    "minDistance",
    "minSolutions",
    "solutions",
    "energies",
    "streak",
    "reward",
    "payments",
    "minerId",
    "beneficiary",
]
BLOCK_FIELDS = {
    *[
        "baseFeePerGas",
        "difficulty",
        "extraData",
        "gasLimit",
        "gasUsed",
        "hash",
        "logsBloom",
        "miner",
        "mixHash",
        "nonce",
        "number",
    ],
    *["parentHash", "receiptsRoot", "sha3Uncles", "size", "stateRoot", "timestamp", "totalDifficulty", "transactions"],
    *["transactionsRoot", "uncles"],
}


@cache
def grown_chain() -> tuple[ChainGenerator, RedbChainStore]:
    store = memory_store(network_spec())
    made = generator(new_chain(store=store))
    for _ in made.extend(BLOCKS):
        pass
    return made, store


def bare_node() -> NodeView:
    chain = grown_chain()[0].chain
    later = chain.head.header.timestamp + 3
    return NodeView(
        version="quip/test",
        now=lambda: later,
        buried=chain.tag,
        pending=lambda: chain.draft(bytes(20), bytes(20), later).build(),
        status=lambda: {"running": True},
        miners=lambda: [{"name": "CPU-1"}],
    )


@cache
def methods() -> dict[str, Method]:
    store = grown_chain()[1]
    node = bare_node()
    spec = network_spec()
    return {method.name: method for method in table(RpcView(spec, spec_bytes("test"), puzzle_of(spec), store, node))}


def call(name: str, *arguments: Any) -> Any:
    method = methods()[name]
    result = method.answer(*parse_arguments(method.params, list(arguments)))
    return json.loads(json.dumps(result))


def test_the_simple_ones() -> None:
    assert call("web3_clientVersion") == "quip/test"
    assert call("net_version") == str(network_spec().chain_id)
    assert call("eth_chainId") == hex(network_spec().chain_id)
    assert call("eth_blockNumber") == hex(BLOCKS)
    assert call("quip_getChainSpec").encode() == spec_bytes("test")


def test_a_node_that_does_not_run_has_no_network() -> None:
    assert (call("net_listening"), call("net_peerCount"), call("eth_syncing")) == (False, "0x0", False)
    assert call("quip_getPeers") == []
    status = call("quip_getStatus")
    assert (status["peers"], status["syncing"]) == (0, False)


def test_the_network_as_the_node_sees_it() -> None:
    store = grown_chain()[1]
    progress = {"startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0x2"}
    network = NetworkView(lambda: True, lambda: [{"address": "127.0.0.1:1"}], lambda: progress)
    node = replace(bare_node(), network=network)
    spec = network_spec()
    view = RpcView(spec, spec_bytes("test"), puzzle_of(spec), store, node)
    answers = {method.name: method.answer for method in table(view)}
    assert (answers["net_listening"](), answers["net_peerCount"](), answers["eth_syncing"]()) == (True, "0x1", progress)
    assert answers["quip_getPeers"]() == [{"address": "127.0.0.1:1"}]
    assert (answers["quip_getStatus"]()["peers"], answers["quip_getStatus"]()["syncing"]) == (1, progress)


def test_a_block_has_every_field_of_its_header() -> None:
    head = grown_chain()[0].chain.head
    block = call("eth_getBlockByNumber", "latest", False)
    assert set(block) == BLOCK_FIELDS
    header = head.header
    assert block["hash"] == "0x" + head.hash.hex()
    assert block["mixHash"] == "0x" + header.mix_hash.hex()
    assert block["nonce"] == "0x" + header.nonce.hex()
    assert block["size"] == hex(len(rlp.encode([header.fields(), [], []])))
    assert block["totalDifficulty"] == hex(head.context.total_difficulty)
    fields = [block[name] for name in ("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas")]
    expected = [header.difficulty, header.number, header.gas_limit, header.gas_used, header.timestamp]
    assert fields == [hex(number) for number in [*expected, header.base_fee_per_gas]]
    assert call("eth_getBlockByHash", block["hash"], True) == block


@pytest.mark.parametrize(("tag", "number"), [("earliest", 0), ("latest", BLOCKS), ("0x3", 3)])
def test_blocks_by_tag(tag: str, number: int) -> None:
    assert call("eth_getBlockByNumber", tag, False)["number"] == hex(number)


@pytest.mark.parametrize("tag", ["safe", "finalized"])
def test_buried_blocks(tag: str) -> None:
    chain = grown_chain()[0].chain
    assert call("eth_getBlockByNumber", tag, False)["hash"] == "0x" + chain.tag(tag).hex()


def test_the_pending_block_hides_what_is_not_known() -> None:
    pending = call("eth_getBlockByNumber", "pending", False)
    assert set(pending) == BLOCK_FIELDS
    assert (pending["hash"], pending["nonce"], pending["miner"]) == (None, None, None)
    assert pending["number"] == hex(BLOCKS + 1)
    assert pending["parentHash"] == call("eth_getBlockByNumber", "latest", False)["hash"]


def test_blocks_that_are_not_there_are_null() -> None:
    assert call("eth_getBlockByNumber", hex(BLOCKS + 1), False) is None
    assert call("eth_getBlockByHash", "0x" + "00" * 32, False) is None


def test_a_balance_is_what_the_blocks_paid() -> None:
    paid: dict[str, int] = {}
    for number in range(1, BLOCKS + 1):
        proof = call("quip_getProof", hex(number))
        paid[proof["beneficiary"]] = paid.get(proof["beneficiary"], 0) + int(proof["reward"], 16)
    for address, amount in paid.items():
        before = int(call("eth_getBalance", address, "earliest"), 16)
        assert int(call("eth_getBalance", address, "latest"), 16) - before == amount
    latest = call("eth_getBlockByNumber", "latest", False)
    assert call("eth_getBalance", latest["miner"], latest["hash"]) == call("eth_getBalance", latest["miner"], "pending")
    assert call("eth_getBalance", "0x" + "ee" * 20, {"blockNumber": "0x1"}) == "0x0"


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("eth_getBalance", ("0x" + "00" * 20, "0xffff"), "header not found"),
        ("eth_getBalance", ("0x" + "00" * 20, "0x" + "00" * 32), "header for hash not found"),
        ("quip_getProof", ("0x0",), "the genesis block has no proof"),
        ("quip_getProof", ("0xffff",), "header not found"),
        ("quip_getRawBlock", ("0xffff",), "header not found"),
        ("quip_getRequirements", ("0xffff",), "header not found"),
    ],
)
def test_calls_that_cannot_be_answered(method: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(CallFailed) as caught:
        call(method, *arguments)
    assert caught.value.as_object() == {"code": -32000, "message": message}


@pytest.mark.parametrize("name", ["eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBalance"])
def test_arguments_are_needed(name: str) -> None:
    with pytest.raises(InvalidParams, match="missing value for required argument 0"):
        call(name)


def test_a_proof_holds_exactly_what_shows_the_work() -> None:
    spec, puzzle = network_spec(), puzzle_of(network_spec())
    proof = call("quip_getProof", "0x5")
    assert list(proof) == GETPROOF_FIELDS
    stored = grown_chain()[0].chain.block_by_number(5)
    assert stored is not None
    seed = bytes.fromhex(proof["seed"][2:])
    solutions = [bytes.fromhex(text[2:]) for text in proof["solutions"]]
    assert proof["sealingHash"] == "0x" + stored.header.sealing_hash.hex()
    assert proof["energies"] == puzzle.energies(seed, solutions)
    assert proof["baseline"] == puzzle.baseline(seed)
    assert proof["maxEnergy"] == (proof["baseline"] - proof["margin"]) // 512
    assert max(proof["energies"]) <= proof["maxEnergy"]
    assert int(proof["work"], 16) == stored.header.difficulty
    assert (proof["minSolutions"], proof["minDistance"]) == (spec.puzzle.min_solutions, spec.puzzle.min_distance)
    assert len(solutions) == proof["minSolutions"]
    assert proof["minerId"] == "0x" + stored.header.miner_id.hex()
    assert proof["streak"] == stored.context.streak


def test_requirements_are_those_of_the_next_block() -> None:
    wanted = call("quip_getRequirements")
    chain = grown_chain()[0].chain
    required = chain.requirements(chain.head.header.timestamp + 3)
    assert (wanted["number"], wanted["parentHash"]) == (hex(BLOCKS + 1), "0x" + chain.head.hash.hex())
    assert (wanted["level"], wanted["margin"]) == (required.level, required.margin)
    assert int(wanted["work"], 16) == required.work


def test_miners_are_counted() -> None:
    found = call("quip_getMiners")
    assert sum(entry["blocks"] for entry in found["chain"]) == BLOCKS
    assert found["total"] == len(found["chain"]) > 1
    assert call("quip_getMiners", 1)["chain"] == found["chain"][:1]
    pages = [call("quip_getMiners", 1, offset) for offset in range(found["total"] + 1)]
    assert [row for page in pages for row in page["chain"]] == found["chain"]
    assert {page["total"] for page in pages} == {len(found["chain"])}
    for wrong in (0, 1001, True, "0x1"):
        with pytest.raises(InvalidParams):
            call("quip_getMiners", wrong)
    rewards = sum(int(call("quip_getProof", hex(n))["reward"], 16) for n in range(1, BLOCKS + 1))
    assert sum(int(entry["earned"], 16) for entry in found["chain"]) == rewards
    assert found["local"] == [{"name": "CPU-1"}]


def test_a_raw_block_is_the_block_as_it_travels() -> None:
    block = Block.decode(bytes.fromhex(call("quip_getRawBlock", "0x4")[2:]))
    assert "0x" + keccak256(block.header.encode()).hex() == call("eth_getBlockByNumber", "0x4", False)["hash"]
    assert block.seal is not None
    assert Block.decode(bytes.fromhex(call("quip_getRawBlock", "0x0")[2:])).seal is None


def test_the_status_says_where_the_chain_is() -> None:
    status = call("quip_getStatus")
    assert (status["chain"], status["running"], status["headAge"]) == ("test", True, 3)
    assert status["head"]["number"] == hex(BLOCKS)
    assert status["blockTime"] > 0


def test_a_hash_can_be_asked_for_only_if_canonical() -> None:
    made, _ = grown_chain()
    third = made.chain.block_by_number(3)
    fork = made.chain.block_by_number(2)
    assert third is not None
    assert fork is not None
    canonical = {"blockHash": "0x" + third.header.hash.hex(), "requireCanonical": True}
    assert call("eth_getBalance", "0x" + "ee" * 20, canonical) == "0x0"
    from quip.chain.events import Head

    side = made.block(Head(fork.header.hash, fork.header, fork.context))
    made.accept(side)
    stranger = {"blockHash": "0x" + side.header.hash.hex(), "requireCanonical": True}
    with pytest.raises(RpcError, match="hash is not currently canonical"):
        call("eth_getBalance", "0x" + "ee" * 20, stranger)
    assert call("eth_getBlockByHash", stranger["blockHash"], False)["number"] == "0x3"


def test_addresses_of_peers_are_nobody_elses_business() -> None:
    view = RpcView(network_spec(), b"", puzzle_of(network_spec()), grown_chain()[1], bare_node())
    assert [method.name for method in table(view) if method.admin] == ["quip_getPeers"]


def test_a_proof_that_is_asked_for_again_anneals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    annealed: list[bytes] = []
    once = Puzzle.baseline

    def counting(self: Puzzle, seed: bytes) -> int:
        annealed.append(seed)
        return once(self, seed)

    monkeypatch.setattr(Puzzle, "baseline", counting)
    block_objects._baseline.cache_clear()
    assert call("quip_getProof", "0x2") == call("quip_getProof", "0x2") != call("quip_getProof", "0x3")
    assert len(annealed) == 2
