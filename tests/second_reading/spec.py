"""The chain spec, its graph and its genesis header."""

import json
import re
from itertools import pairwise
from typing import Any

from second_reading.encoding import (
    EMPTY_ROOT,
    NO_CODE,
    NO_OMMERS,
    Account,
    Accounts,
    Header,
    Invalid,
    need,
    state_root,
)
from second_reading.graph import graph_of
from second_reading.hashes import keccak256

OCTAVE = 65_536

SIZE, LEVELS, HIGHEST = 2**53 - 1, 255 * OCTAVE, 191 * OCTAVE
SHAPE: dict[str, Any] = {
    "name": r"[A-Za-z0-9_-]{1,32}",
    "chain_id": (1, SIZE),
    "developer": bool,
    "puzzle": {
        "topology": {
            "family": "zephyr|pegasus|chimera", "m": (1, 32), "t": (1, 8),
            "excluded_nodes": [(0, 2**24)], "excluded_couplers": [[(0, 2**24)]], "digest": "0x[0-9a-f]{64}",
        },
        "fields": "none|ternary", "gate_bits": (0, 63), "min_solutions": (1, 1024), "min_distance": (0, 2**24),
        "baseline": {"sweeps": (1, 4096), "cap": (-SIZE, SIZE), "cutoffs": [[(0, OCTAVE)]]},
        "ladder": [[(-SIZE, SIZE)]],
    },
    "difficulty": {
        "start": (0, HIGHEST), "lo": (0, HIGHEST), "hi": (0, HIGHEST),
        "target_block_time": (1, 2**20), "half_life": (1, 2**32), "outage_cap": (1, 2**20),
        "lag": (0, 64),
        "overdue": {"after": (1, 2**20), "rate": (0, LEVELS), "limit": (0, LEVELS)},
        "streak": {"rate": (0, LEVELS), "limit": (0, 1024)}, "future_limit": (1, 2**32),
    },
    "rewards": {"base_reward": "0|[1-9][0-9]*", "streak_multiplier": [(100, 10_000)]},
    "ommers": {
        "window": (1, 1024), "limit": (0, 4), "holdback": (1, 65_536), "fork_factor": (1, 65_536),
        "chain_factor": (1, 65_536),
    },
    "gas_limit": {"minimum": (5000, SIZE), "maximum": (5000, SIZE)},
    "evm_fork": "osaka",
    "alloc": {"0x[0-9a-f]{40}": {
        "balance": "0|[1-9][0-9]*", "nonce": (0, SIZE), "code": "0x([0-9a-f]{2}){1,24576}",
        "storage": {"0x[0-9a-f]{64}": "0x[0-9a-f]{64}"},
    }},
    "system": {"(?s:.*)": "0x[0-9a-f]{40}"},
    "genesis": {
        "timestamp": (0, SIZE), "gas_limit": (0, SIZE), "base_fee_per_gas": "0|[1-9][0-9]*",
        "extra_data": "0x[0-9a-f]{40}00([0-9a-f]{2}){0,11}", "beneficiary": "0x[0-9a-f]{40}", "nonce": "0x[0-9a-f]{16}",
    },
}  # fmt: skip


def check_shape(value: Any, shape: Any, path: str) -> None:
    """A type is itself, a tuple bounds an integer, a string is a pattern (keys too), a list has the shape of all."""
    if isinstance(shape, dict):
        need(isinstance(value, dict), f"{path} is no object")
        if path in {"spec.alloc", "spec.system"} or path.endswith(".storage"):
            ((pattern, below),) = shape.items()
            need(all(re.fullmatch(pattern, key) for key in value), f"a key of {path}")
            shape = dict.fromkeys(value, below)
        if path.startswith("spec.alloc."):  # an account may do without code and storage
            shape = {key: below for key, below in shape.items() if key in value or key not in {"code", "storage"}}
        need(value.keys() == shape.keys(), f"{path} has not the keys {sorted(shape)}")
        for key, below in shape.items():
            check_shape(value[key], below, f"{path}.{key}")
    elif isinstance(shape, list):
        need(isinstance(value, list), f"{path} is no array")
        for item in value:
            check_shape(item, shape[0], path)
    elif isinstance(shape, type):
        need(type(value) is shape, f"{path} is no {shape.__name__}")
    elif isinstance(shape, tuple):
        need(type(value) is int and shape[0] <= value <= shape[1], f"{path} is not an integer in {shape}: {value}")
    else:
        need(isinstance(value, str) and re.fullmatch(shape, value) is not None, f"{path} is not {shape}: {value}")


def canonical(value: Any) -> str:
    """RFC 8785, for the kinds of values that a spec may have."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def document_of(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(pairs)) == len(pairs), "a key occurs twice")
        return dict(pairs)

    def refuse(number: str) -> None:
        raise Invalid(f"{number} is no integer")

    need(len(text.encode()) <= 2**24, "more than 16 MiB")
    return json.loads(text, object_pairs_hook=unique, parse_float=refuse, parse_constant=refuse)


def account_of(value: dict[str, Any]) -> Account:
    storage = {bytes.fromhex(slot[2:]): bytes.fromhex(word[2:]) for slot, word in value.get("storage", {}).items()}
    code = bytes.fromhex(value.get("code", "0x")[2:])
    kept = {slot: word for slot, word in storage.items() if any(word)}
    return Account(value["nonce"], int(value["balance"]), keccak256(code) if code else NO_CODE, kept)


class Spec:
    """A chain spec, and what follows from it."""

    def __init__(self, text: str) -> None:
        document = document_of(text)
        check_shape(document, SHAPE, "spec")
        self.puzzle, self.difficulty = document["puzzle"], document["difficulty"]
        self.rewards, self.gas_limit, self.chain_id = document["rewards"], document["gas_limit"], document["chain_id"]
        self.ommers = document["ommers"]
        self.graph = graph_of(self.puzzle["topology"])
        self.digest = keccak256(canonical(document).encode())
        self.accounts: Accounts = {
            bytes.fromhex(name[2:]): account_of(account)
            for name, account in document["alloc"].items()
            if account["nonce"] or int(account["balance"]) or "code" in account
        }
        self._check_bounds()
        genesis = document["genesis"]
        need(sum(account.balance for account in self.accounts.values()) <= 2**255, "alloc: more than 2^255 wei")
        need(int(self.rewards["base_reward"]) <= (2**64 - 1) * 10**6, "base_reward")
        need(self.gas_limit["minimum"] <= genesis["gas_limit"] <= self.gas_limit["maximum"], "genesis.gas_limit")
        need(int(genesis["base_fee_per_gas"]) < 2**64, "base_fee_per_gas")
        self.genesis = Header(
            bytes(32), NO_OMMERS, bytes.fromhex(genesis["beneficiary"][2:]), state_root(self.accounts),
            EMPTY_ROOT, EMPTY_ROOT, bytes(256), 0, 0, genesis["gas_limit"], 0, genesis["timestamp"],
            bytes.fromhex(genesis["extra_data"][2:]), self.digest, bytes.fromhex(genesis["nonce"][2:]),
            int(genesis["base_fee_per_gas"]),
        )  # fmt: skip

    def _check_bounds(self) -> None:
        puzzle, graph, difficulty = self.puzzle, self.graph, self.difficulty
        need(puzzle["topology"]["family"] != "pegasus" or puzzle["topology"]["t"] == 4, "Pegasus writes t = 4")
        need(puzzle["topology"]["digest"] == "0x" + graph.digest.hex(), f"the graph's digest is {graph.digest.hex()}")
        self.fields = puzzle["fields"] == "ternary"
        need(puzzle["min_distance"] <= (graph.n if self.fields else graph.n // 2), "min_distance")
        degrees = [0] * graph.n
        for i, j in graph.couplers:
            degrees[i] += 1
            degrees[j] += 1
        need(graph.n <= 65_536 and max(degrees) <= 24, "a graph of more than 65,536 nodes or 24 couplers a node")
        rows = puzzle["baseline"]["cutoffs"]
        need(len(rows) == puzzle["baseline"]["sweeps"], "cutoffs: one row per sweep")
        for row in rows:
            need(len(row) == max(degrees) + 2 and row[0] == OCTAVE and row == sorted(row, reverse=True), "cutoffs")
        ladder = puzzle["ladder"]
        need(len(ladder) >= 2 and all(len(point) == 2 for point in ladder), "ladder: two points of two numbers")
        need(all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(ladder)), "ladder: not increasing")
        need(ladder[0][0] >= 0 and ladder[-1][0] <= LEVELS, "ladder: levels")
        need(ladder[0][0] <= difficulty["lo"] and difficulty["hi"] <= ladder[-1][0], "ladder does not cover lo to hi")
        need(difficulty["lo"] <= difficulty["start"] <= difficulty["hi"], "difficulty: lo <= start <= hi")
        percentages = self.rewards["streak_multiplier"]
        need(1 <= len(percentages) <= 64 and percentages == sorted(percentages), "streak_multiplier")
        need(percentages[0] == 100 and (self.ommers["limit"] > 0 or percentages == [100]), "streak_multiplier")
