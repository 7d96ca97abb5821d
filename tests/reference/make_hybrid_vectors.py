"""Writes tests/vectors/{hybrid_transactions,leaf_windows}.json from the plain-Python reference (no arguments)."""

import json
import random
import sys
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from reference import hybrid, xmss
from reference.law import keccak256, rlp
from reference.make_signature_vectors import GENERATOR, OID, SEEDS, VECTORS

SECRET = 1
CONTRACT, KEY = bytes(range(20)), bytes(range(32))
CALLS: list[dict[str, Any]] = [
    {"suite": 1, "leafIndex": 0, "nonce": 0, "gas": 21_000, "to": CONTRACT, "value": 10**18, "data": b""},
    {"suite": 1, "leafIndex": 1023, "nonce": 2**64 - 2, "gas": 2**24, "to": b"", "value": 0, "data": b"\x60\x80" * 40,
     "maxPriorityFeePerGas": 0, "accessList": [{"account": CONTRACT, "storageKeys": [KEY, bytes(32)]},
                                               {"account": bytes(20), "storageKeys": []}]},
    {"suite": 2, "leafIndex": 2**20 - 256, "nonce": 7, "gas": 90_000, "to": CONTRACT, "value": 2**256 - 1,
     "data": b"\0", "chainId": 31_337, "name": 1},
]  # fmt: skip


def signed(call: dict[str, Any]) -> hybrid.Transaction:
    """A call with what it leaves out, and both signatures."""
    made = {
        "chainId": 20_050,
        "maxPriorityFeePerGas": 10**9,
        "maxFeePerGas": 2**127,
        "accessList": [],
        "name": 0,
        **call,
    }
    parameters, leaf = hybrid.SUITES[made["suite"]], made["leafIndex"]
    public, _ = xmss.sign_small(parameters, SEEDS, leaf, bytes(32))
    made |= {"ecdsaKey": GENERATOR, "xmssKey": OID + public}
    made["sender"] = hybrid.names_of(made)[made.pop("name")]
    digest = hybrid.digest(made)
    made |= dict(zip("vrs", hybrid.ecdsa_sign(SECRET, digest), strict=True))
    made["xmss"] = xmss.sign_small(parameters, SEEDS, leaf, digest)[1]
    assert hybrid.verify(made)
    return made


def shown(value: Any) -> Any:
    """Bytes in hex, integers above 2^53 as decimal text."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {name: shown(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shown(one) for one in value]
    return str(value) if value > 2**53 else value


def case(call: dict[str, Any]) -> dict[str, Any]:
    """One transaction and what follows from it."""
    made = signed(call)
    encoded = hybrid.encode(made)
    assert hybrid.decode(encoded) == made
    fields = {name: shown(value) for name, value in made.items() if name != "xmss"}
    return {
        **fields,
        "payload": shown(rlp(hybrid.payload_items(made))),
        "digest": shown(hybrid.digest(made)),
        "encoded": shown(encoded),
        "hash": shown(keccak256(encoded)),
    }


def windows() -> list[list[Any]]:
    """[leaf, what becomes of it, next, map]: near and far, forwards and back, at the ends."""
    draw, window, rows = random.Random(20_050), hybrid.Window(), []
    leaves = [0, 0, 5, 3, 3, 260, 4, 5, 1022, 767, 766, 765, 1023, 1023, 1024, 2**63]
    leaves += [draw.randrange(1030) for _ in range(20)]
    for leaf in leaves:
        outcome = "burned"
        try:
            window.burn(leaf, 1024)
        except hybrid.Refused as refused:
            outcome = str(refused)
        rows.append([leaf if leaf < 2**53 else str(leaf), outcome, window.next, f"0x{window.map:064x}"])
    return rows


def main() -> None:
    """Write both files."""
    xmss.make_tree = cache(xmss.make_tree)
    (VECTORS / "hybrid_transactions.json").write_text(json.dumps([case(call) for call in CALLS], indent=1) + "\n")
    rows = ",\n ".join(map(json.dumps, windows()))
    (VECTORS / "leaf_windows.json").write_text(f"[\n {rows}\n]\n")


if __name__ == "__main__":
    main()
