"""Writes tests/vectors/{xmss,hybrid}.json from the plain-Python reference, in a minute (no arguments)."""

import json
import sys
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reference import xmss
from reference.law import keccak256

VECTORS = Path(__file__).parents[1] / "vectors"
SEEDS = bytes(range(96, 192))
SMALL = [
    (xmss.Parameters(height=2, layers=1, index_bytes=4), (0, 3)),
    (xmss.Parameters(height=2, layers=2, index_bytes=3), (0, 7, 15)),
    (xmss.Parameters(height=1, layers=3, index_bytes=1), (5, 7)),
]
FULL = [(xmss.XMSS_10, (0, 1023)), (xmss.XMSSMT_20_2, (1023, 1024, 1048575))]
OID = (1).to_bytes(4, "big")
# The secp256k1 key of the secret number 1: the group's generator.
GENERATOR = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


def case(parameters: xmss.Parameters, leaf: int) -> dict[str, object]:
    """One signature; its bytes only as a hash, the randomizer and the first chain value in full."""
    message = sha256(b"message %d" % leaf).digest()
    key, signature = xmss.sign_small(parameters, SEEDS, leaf, message)
    assert xmss.verify(parameters, key, message, signature)
    head = parameters.index_bytes
    return {
        "height": parameters.height,
        "layers": parameters.layers,
        "index_bytes": parameters.index_bytes,
        "seeds": SEEDS.hex(),
        "leaf": leaf,
        "message": message.hex(),
        "public_key": (OID + key).hex(),
        "randomizer": signature[head : head + 32].hex(),
        "first_chain": signature[head + 32 : head + 64].hex(),
        "last_node": signature[-32:].hex(),
        "signature_sha256": sha256(signature).hexdigest(),
    }


def hybrid(suite: int, xmss_key: bytes) -> dict[str, object]:
    """The names and one block digest of a hybrid key."""
    keys = bytes([suite]) + GENERATOR + xmss_key
    chain_id, leaf, block_hash = 20050, 515, sha256(b"block").digest()
    domain = b"quip/block/v1" + chain_id.to_bytes(32, "big") + keys + leaf.to_bytes(8, "big")
    return {
        "suite": suite,
        "ecdsa_key": GENERATOR.hex(),
        "xmss_key": xmss_key.hex(),
        "miner_id": keccak256(b"\x52" + keys)[12:].hex(),
        "account_address": keccak256(b"\x51" + keys)[12:].hex(),
        "chain_id": chain_id,
        "leaf": leaf,
        "block_hash": block_hash.hex(),
        "block_digest": keccak256(domain + block_hash).hex(),
    }


def main() -> None:
    """Write both files."""
    cases = [case(parameters, leaf) for parameters, leaves in SMALL + FULL for leaf in leaves]
    keys = {one["layers"]: bytes.fromhex(str(one["public_key"])) for one in cases if one["height"] == 10}
    (VECTORS / "xmss.json").write_text(json.dumps(cases, indent=1) + "\n")
    pairs = [hybrid(1, keys[1]), hybrid(2, keys[2])]
    (VECTORS / "hybrid.json").write_text(json.dumps(pairs, indent=1) + "\n")


if __name__ == "__main__":
    main()
