"""A second implementation, written from the published text alone, agrees with the node and with every golden vector."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from quip.consensus.spec.chain_spec import parse_spec
from second_reading.encoding import Header, Seal, block_of, header_of, rlp, unrlp
from second_reading.graph import graph_of
from second_reading.hashes import Stream, derive_seed, keccak256
from second_reading.mutants import check_mutants
from second_reading.puzzle import Instance, distance, margin
from second_reading.rules import (
    Line,
    Past,
    Shown,
    Tip,
    advance,
    count_settled,
    level_of,
    next_base_fee,
    payments,
    reward,
    verify_chain,
    work,
)  # fmt: skip
from second_reading.signatures import block_digest, miner_id
from second_reading.spec import Spec, canonical
from support.node_process import NodeProcess
from support.ommers import random_tree
from support.places import TESTS

READER = TESTS / "second_reader.py"
DEADLINE_S = 200
BLOCKS = 6
ZERO = bytes(32)
BIRTH = Header(
    ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, 0, 0, 30_000_000, 0, 1_000_000, bytes(20), ZERO, bytes(8), 10**9
)  # fmt: skip
AIMED_AT = [
    "ECDSA key", "ECDSA signature", "XMSS key", "XMSS leaf", "XMSS signature", "XMSS size", "base fee", "decoding",
    "difficulty", "distance", "energy", "extra data", "future limit", "gas limit", "gas used", "gate", "genesis",
    "logs bloom", "miner id", "number", "ommer count", "ommer difficulty", "ommer limit", "ommer parent",
    "ommer twice", "ommer window", "ommer: ECDSA signature", "ommer: XMSS signature", "ommer: gas used",
    "ommer: gate", "ommer: seal", "ommer: timestamp", "ommers hash", "parent hash", "receipts root", "seal", "seed",
    "size", "solution count", "solution form", "solution order", "state root", "suite", "timestamp", "transactions",
    "transactions root",
]  # fmt: skip


def read(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the reader without site packages: it has nothing but the standard library."""
    return subprocess.run(
        [sys.executable, "-E", "-S", READER, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def vectors(name: str) -> Any:
    return json.loads((TESTS / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def spec_text(name: str) -> str:
    return (TESTS.parent / name).read_text(encoding="utf-8")


def vector_chain() -> list[bytes]:
    """Genesis and the blocks of blocks.json, as they travel."""
    known = vectors("blocks")
    return [rlp([unrlp(raw(known["genesisRlp"])), [], [], []]), *(raw(block["rlp"]) for block in known["blocks"])]


@contextmanager
def serving(blocks: list[bytes], spec: str) -> Iterator[str]:
    """A node that hands out these blocks, whatever they are."""
    answers: dict[str, Callable[..., str]] = {
        "eth_blockNumber": lambda: hex(len(blocks) - 1),
        "quip_getChainSpec": lambda: spec,
        "quip_getRawBlock": lambda number: "0x" + blocks[int(number, 16)].hex(),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps({"jsonrpc": "2.0", "id": 1, "result": answers[asked["method"]](*asked["params"])})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_second_reader_agrees_with_a_mining_node(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path, tmp_path / "node", "--auto-mine", "--port", "0", "--listen", "127.0.0.1")
    try:
        node.wait_for_height(BLOCKS)
        url = (node.data_dir / "rpc").read_text().strip()
        done = read("--rpc", url, "--last", str(BLOCKS), "--mutants")
    finally:
        node.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    accepted, rejected = done.stdout.splitlines()
    assert accepted.startswith(f"{BLOCKS + 1} blocks verified")
    assert int(rejected.split()[0]) > 100 * BLOCKS
    tally = rejected.partition(": ")[2].split(", ")
    assert [entry.rpartition(" ")[0] for entry in tally] == AIMED_AT


@pytest.mark.parametrize(
    ("family", "m", "fields", "nodes", "couplers"),
    [
        ("pegasus", 3, "none", [27, 24, 27], [[96, 26], [24, 25]]),
        ("chimera", 2, "ternary", [5], [[2, 4], [4, 2]]),
        ("zephyr", 1, "ternary", [3, 40], [[34, 1]]),
    ],
)
def test_second_reader_agrees_on_other_networks(
    family: str, m: int, fields: str, nodes: list[int], couplers: list[list[int]], tmp_path: Path
) -> None:
    document = json.loads(spec_text("genesis_block_test.json"))
    topology = {"family": family, "m": m, "t": 4, "excluded_nodes": nodes, "excluded_couplers": couplers}
    graph = graph_of(topology)
    entries = 2 + max(sum(node in pair for pair in graph.couplers) for node in range(graph.n))
    cutoffs = [[65_536 >> min(17, k * sweep) for k in range(entries)] for sweep in (1, 2, 3)]
    document["puzzle"] |= {
        "topology": topology | {"digest": "0x" + graph.digest.hex()}, "fields": fields, "min_distance": 3,
        "baseline": {"sweeps": 3, "cap": -1000, "cutoffs": cutoffs},
    }  # fmt: skip
    document["difficulty"] |= {"lo": 1_040_000, "hi": 1_060_000}
    document["alloc"] = {f"0x{i * 7919:040x}": {"balance": str(i * 10**22), "nonce": i % 3} for i in range(40)}
    document["genesis"] |= {"gas_limit": 123_456, "base_fee_per_gas": "9"}
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(document))
    node = NodeProcess(
        tmp_path, tmp_path / "node", "--auto-mine", "--port", "0", "--listen", "127.0.0.1", genesis=str(path)
    )
    try:
        node.wait_for_height(BLOCKS)
        done = read("--rpc", (node.data_dir / "rpc").read_text().strip(), "--last", str(BLOCKS), "--spec", str(path))
    finally:
        node.stop()
    assert (done.returncode, done.stdout.split(":")[0]) == (0, f"{BLOCKS + 1} blocks verified"), done.stdout


def test_second_reader_agrees_on_a_chain_with_ommers() -> None:
    """Forks whose losers are shown, heights that are settled, and every mutant of a block that shows some."""
    document = json.loads(spec_text("genesis_block_test.json"))
    document["ommers"]["window"] = 6
    text = json.dumps(document)
    chain, _ = random_tree(3, 26, parse_spec(text.encode()))
    stored = [chain.block_by_number(number) for number in range(chain.head.header.number + 1)]
    blocks = [block.block.encode() for block in stored if block is not None]
    assert sum(len(block.ommers) for block in stored if block is not None) > 2
    spec = Spec(text)
    states = verify_chain(spec, blocks)
    assert states[-1].tip.header.hash() == chain.head.hash
    showing = next(number for number, block in enumerate(stored) if block is not None and block.ommers)
    tally = check_mutants(spec, blocks[: showing + 1], states)
    assert tally["ommer: XMSS signature"] >= showing, "of the block's own ommer too"
    with serving([*blocks[:showing], *blocks[showing + 1 :]], text) as url:
        assert read("--rpc", url).stdout.startswith(f"block {showing} breaks the rule")


def test_second_reader_names_block_and_rule() -> None:
    chain = vector_chain()
    spoilt = block_of(chain[2])
    assert spoilt.seal is not None
    seal = spoilt.seal._replace(xmss=spoilt.seal.xmss[:-1] + bytes([spoilt.seal.xmss[-1] ^ 1]))
    with serving(
        [*chain[:2], rlp(spoilt._replace(seal=seal).items()), chain[3]], spec_text("genesis_block_test.json")
    ) as url:
        refused = read("--rpc", url)
        before = read("--rpc", url, "--last", "1")
        other_network = read("--rpc", url, "--spec", str(TESTS.parent / "genesis_block_dev.json"))
    assert refused.returncode == 1
    assert refused.stdout.startswith("block 2 breaks the rule 'XMSS signature'")
    assert (before.returncode, before.stdout.split(":")[0]) == (0, "2 blocks verified")
    assert other_network.returncode == 1
    assert other_network.stdout.startswith("block 0 breaks the rule 'genesis'")


@pytest.mark.parametrize("network", ["dev", "test", "public", "local"])
def test_second_reader_reads_shipped_spec(network: str) -> None:
    done = read("--spec", str(TESTS.parent / f"genesis_block_{network}.json"))
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "1 blocks verified")


def test_blocks_of_the_vectors_with_every_value() -> None:
    known = vectors("blocks")
    spec, chain = Spec(spec_text(known["spec"])), vector_chain()
    states = verify_chain(spec, chain)
    assert spec.digest == raw(known["specDigest"])
    assert spec.genesis.hash() == raw(known["genesisHash"])
    for parent, data, expected in zip(states, chain[1:], known["blocks"], strict=False):
        header, _, seal, _ = block_of(data)
        assert seal is not None
        task, level = Instance(spec, header.mix_hash), level_of(spec, parent.tip, header)
        distances = [distance(spec, a, b) for a in seal.solutions for b in seal.solutions if a < b]
        needed = margin(spec.puzzle["ladder"], level)
        found = {
            "hash": header.hash(), "sealingHash": header.sealing_hash(),
            "seed": derive_seed(header.sealing_hash(), header.nonce),
            "energies": [task.energy(solution) for solution in seal.solutions],
            "minimumDistance": min(distances), "baseline": task.baseline(), "level": level,
            "margin": needed, "maxEnergy": (min(task.baseline(), spec.puzzle["baseline"]["cap"]) - needed) // 512,
        }  # fmt: skip
        named = {key: "0x" + value.hex() if isinstance(value, bytes) else value for key, value in found.items()}
        assert named == {key: value for key, value in expected.items() if key != "rlp"}


@pytest.mark.parametrize("known", vectors("puzzle"), ids=lambda known: "-".join(map(str, known["topology"].values())))
def test_puzzle_vectors(known: Any) -> None:
    graph = graph_of(known["topology"] | {"excluded_nodes": [], "excluded_couplers": []})
    assert (graph.n, len(graph.couplers), graph.digest) == (known["n"], known["couplers"], raw(known["graph_digest"]))
    seed = derive_seed(raw(known["sealing_hash"]), raw(known["nonce"]))
    assert seed == raw(known["seed"])
    assert 256 - int.from_bytes(seed, "big").bit_length() == known["gate_bits_open"]
    assert Stream(seed).read(128) == raw(known["stream_first_128"])
    puzzle = {"baseline": {"sweeps": known["sweeps"], "cutoffs": known["cutoffs"]}}
    spec: Any = SimpleNamespace(graph=graph, fields=known["fields"] == "ternary", puzzle=puzzle)
    task = Instance(spec, seed)
    assert [coupling for _, _, coupling in task.couplings[:32]] == known["first_couplings"]
    assert task.fields[:32] == known["first_fields"]
    stream = Stream(seed).read(known["start_offset"] + 64 * graph.n + 100)[known["start_offset"] + 64 * graph.n :]
    draws = {number: int.from_bytes(stream[2 * int(number) :][:2], "little") for number in known["draws"]}
    assert draws == known["draws"]
    solutions = [raw(solution) for solution in known["solutions"]]
    assert [task.energy(solution) for solution in solutions] == known["energies"]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert [distance(spec, solutions[a], solutions[b]) for a, b in pairs] == known["distances"]
    assert task.baseline() == known["baseline"]


def test_header_and_digest_vectors() -> None:
    for known in vectors("headers"):
        header = header_of(unrlp(raw(known["rlp"])))
        assert (header.hash(), header.sealing_hash()) == (raw(known["hash"]), raw(known["sealingHash"]))
        assert list(header) == [raw(v) if isinstance(v, str) else v for v in known["header"].values()]
    for known in vectors("spec_digest"):
        assert canonical(known["document"]) == known["canonical"]
        assert keccak256(known["canonical"].encode()) == raw(known["digest"])
    for known in vectors("hybrid"):
        leaf = known["leaf"].to_bytes(3, "big")
        seal = Seal(known["suite"], raw(known["ecdsa_key"]), raw(known["xmss_key"]), (), b"", leaf)
        assert miner_id(seal) == raw(known["miner_id"])
        assert block_digest(known["chain_id"], seal, raw(known["block_hash"])) == raw(known["block_digest"])


def test_work_ladder_and_fee_vectors() -> None:
    assert all(work(level) == expected for level, expected in vectors("work"))
    known = vectors("ladder")
    assert all(margin(known["ladder"], level) == expected for level, expected in known["points"])
    for gas_limit, gas_used, fee, expected in vectors("base_fee"):
        assert next_base_fee(BIRTH._replace(gas_limit=gas_limit, gas_used=gas_used, base_fee=fee)) == expected
    known = vectors("rewards")
    spec: Any = SimpleNamespace(rewards=known["rewards"])
    for level, controller, full, held in known["cases"]:
        assert reward(spec, work(level), controller) == int(full)
        assert int(full) // known["ommers"]["holdback"] == int(held)


def child(tip: Tip, timestamp: int, miner: str, ommers: int = 0) -> Header:
    extra = miner.encode().ljust(20) + bytes([ommers])
    return tip.header._replace(number=tip.header.number + 1, timestamp=timestamp, extra_data=extra)


def law(known: Any) -> tuple[Any, Tip]:
    """A spec of nothing but the rules of section 8 and rewards, and the genesis block under it."""
    rewards = known.get("rewards", {"base_reward": "0", "streak_multiplier": [100]})
    ommers = known.get("ommers", {"window": 1, "limit": 0, "holdback": 1})
    spec = SimpleNamespace(difficulty=known["difficulty"], rewards=rewards, ommers=ommers)
    start = known["difficulty"]["start"]
    return spec, Tip(BIRTH, start, start, (Past(BIRTH.timestamp, 0, 0, 0),))


def payee(miner: str) -> bytes:
    return b"to " + miner.encode()


def shown_ommer(number: int, difficulty: str, miner: str) -> Shown:
    header = BIRTH._replace(
        number=number, difficulty=int(difficulty), beneficiary=payee(miner), extra_data=miner.encode().ljust(20)
    )
    return Shown(Tip(header, 0, 0, ()), 0)


def test_chain_vectors() -> None:
    known = vectors("chain")
    spec, tip = law(known)
    line, total = Line((tip,), ((),), (0,)), 0
    for expected in known["blocks"]:
        shown = tuple(shown_ommer(*one) for one in expected["ommers"])
        header = child(tip, expected["timestamp"], expected["miner"], len(shown))
        level = level_of(spec, tip, header)
        header = header._replace(difficulty=work(level), beneficiary=payee(expected["miner"]))
        after, line, total = advance(spec, tip, header), count_settled(spec, line), total + work(level)
        paid = [(to, wei) for to, wei in payments(spec, line, after, shown) if wei]
        settled = header.number - spec.ommers["window"] - 1
        assert expected | {"ommers": [], "payments": []} == {
            "timestamp": header.timestamp, "miner": expected["miner"], "ommers": [], "controller": tip.controller,
            "level": level, "difficulty": str(work(level)), "margin": margin(known["ladder"], level),
            "totalDifficulty": str(total), "streak": after.past[-1].streak, "endedStreak": after.past[-1].ended,
            "countedStreakSettled": line.counted[settled] if settled >= 1 else 0, "payments": [],
        }  # fmt: skip
        named = [
            (payee(who) if kind == "beneficiary" else who.encode().ljust(20), int(wei))
            for kind, who, wei in expected["payments"]
        ]
        assert paid == named
        line = line._replace(tips=(*line.tips, after), shown=(*line.shown, shown))
        tip = after


def test_controller_overdue_and_streak_vectors() -> None:
    known = vectors("controller")
    spec, tip = law(known)
    first = known["timestamps"][0]
    tip = tip._replace(header=BIRTH._replace(timestamp=first), past=(Past(first, 0, 0, 0),))
    controllers = [tip.controller, tip.controller]
    for number, timestamp in enumerate(known["timestamps"][1:], 1):
        tip = advance(spec, tip, child(tip, timestamp, f"{number}", known["ommers"][number]))
        controllers.append(tip.controller)
    assert controllers == known["controllers"]
    known = vectors("overdue")
    spec, tip = law(known)
    spec.difficulty["lo"] = 0
    for number, late, expected in known["cases"]:
        parent = tip._replace(header=BIRTH._replace(number=number - 1))
        assert tip.controller - level_of(spec, parent, child(parent, BIRTH.timestamp + late, "")) == expected
    known = vectors("streaks")
    spec, tip = law(known)
    for number, offset in enumerate(known["offsets"][1:]):
        assert [tip.past[-1].streak, tip.past[-1].ended] == known["streaks"][number]
        calm = tip._replace(controller=1_310_720)
        assert level_of(spec, calm, child(calm, tip.header.timestamp + 1, "")) - calm.controller == offset
        if number < len(known["miners"]):
            tip = advance(spec, tip, child(tip, tip.header.timestamp + 1, known["miners"][number]))


def test_sweep_order_vectors() -> None:
    for known in vectors("puzzle"):
        graph = graph_of(known["topology"] | {"excluded_nodes": [], "excluded_couplers": []})
        data = b"".join(node.to_bytes(4, "little") for node in graph.order)
        assert hashlib.sha256(data).hexdigest() == known["order_sha256"], known["topology"]
