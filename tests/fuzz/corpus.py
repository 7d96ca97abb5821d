"""The corpus: tests/vectors/fuzz/TARGET.txt holds one input a line in hex; `#` begins a comment.

`cd tests && python -m fuzz.corpus` writes the first lines anew, from one small message of each kind; what fuzzing found
(below the line "# found") stays.
"""

import json
from pathlib import Path

from quip.consensus.types.block import Block, BlockBody
from quip.consensus.types.ommer import Ommer
from quip.consensus.types.seal import Seal
from quip.net.address import Address
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, encode
from quip.net.wire.frames import frame
from quip.primitives.hybrid import SUITE_ACCOUNT, SUITE_MINING, HybridKeys, suite_of
from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction
from quip.primitives.transaction_fields import AccessList
from support.messages import CLAIM, HEADER, JOIN, ZERO
from support.sessions import CLIENT_ADDRESS, STATUS, heartbeat

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "fuzz"
FOUND = "# found"
ACCESSES = ((bytes(20), (ZERO,)), (bytes(20), ()))
SEAL = Seal(2, bytes(33), bytes(68), (b"\x01\x02", b"\x03\x04"), bytes(65), bytes(70))
OMMERS = (Ommer(HEADER, SEAL),)
BLOCK = Block(HEADER, (b"\x02abc", b"\xc2\x01\x02"), SEAL, OMMERS)
SMALL: tuple[m.Message, ...] = (
    JOIN,
    m.JoinResponse(0, "", JOIN, CLIENT_ADDRESS),
    m.Goodbye(1, "done"),
    m.Heartbeat(0, CLAIM),
    m.Gossip((CLAIM, CLAIM)),
    m.BlockSubmit(HEADER, SEAL, 5, OMMERS),
    m.TransactionGossip(((2, 100, ZERO),)),
    m.HeadersRequest((ZERO,), 512),
    m.Headers((HEADER,)),
    m.SealsRequest((ZERO, ZERO)),
    m.Seals((SEAL, None)),
    m.BodiesRequest((ZERO,)),
    m.Bodies((BlockBody((b"\x02abc", b"\xc2\x01\x02"), OMMERS), None, BlockBody())),
    m.BlockRequest(ZERO),
    m.BlockResponse(BLOCK),
    m.TransactionsRequest((ZERO,)),
    m.Transactions((b"\x01", b"\xc0")),
    m.PeersRequest(),
    m.Peers(((Address("1.2.3.4", 5), 6), (Address("2001:db8::1", 65_535), 7))),
    m.StatusRequest(),
    STATUS,
    m.StatsRequest(),
    m.NodeStats((("blocks", 1),)),
)


def transaction(suite: int, to: bytes, accesses: AccessList) -> bytes:
    """One of type 0x51 that is well formed, and signed by nobody."""
    keys = HybridKeys(suite, b"\2" * 33, b"\0\0\0\1" + bytes(64))
    payload = HybridPayload(20_051, 1, 2, 3, 4, to, 5, b"\xff\0", accesses, bytes(20), keys, leaf=0)
    return HybridTransaction(payload, b"\3" * 64 + b"\1", bytes(suite_of(suite).signature_bytes)).encode()


def inputs(target: str) -> list[bytes]:
    """The inputs of a target's file."""
    lines = (FOLDER / f"{target}.txt").read_text(encoding="ascii").splitlines()
    return [bytes.fromhex(line.partition("#")[0]) for line in lines if not line.startswith("#")]


def one_of_each_type() -> list[bytes]:
    """The shortest transaction of each type that the EVM's vectors have."""
    found: dict[int, bytes] = {}
    for path in sorted((FOLDER.parent / "evm").glob("random_0?.json")):
        for case in json.loads(path.read_text(encoding="ascii")).values():
            for post in case["post"]["Osaka"]:
                data = bytes.fromhex(post["txbytes"][2:])
                kind = data[0] if data[0] < 0x80 else 0
                found[kind] = min(found.get(kind, data), data, key=len)
    return [found[kind] for kind in sorted(found)]


def beginnings() -> dict[str, list[bytes]]:
    """Small lawful inputs of every target."""
    payloads = [encode(message) for message in SMALL]
    places = [list(TABLE).index(frame(message)[0]) for message in SMALL]
    small = [(place, payload) for place, payload in zip(places, payloads, strict=True) if len(payload) < 256]
    request = 0x81  # a whole frame, and the stream's end
    steps = [bytes((0, request, 4, place, len(payload))) + payload for place, payload in small]
    beat = bytes((0, 0, 2, len(heartbeat(1)))) + heartbeat(1)
    join = bytes((0, 0x80, 0, len(frame(JOIN)))) + frame(JOIN)
    return {
        "rlp": [b"\x80", b"\xc0", b"\x83cat", b"\xc7\xc0\xc1\xc0\xc3\xc0\xc1\xc0", payloads[0]],
        "header": [HEADER.encode()],
        "seal": [SEAL.encode()],
        "block": [BLOCK.encode(), Block(HEADER, (), None).encode()],
        "transaction": one_of_each_type(),
        "message": [bytes((place,)) + payload for place, payload in zip(places, payloads, strict=True)],
        "frames": [b"\x00" + b"".join(map(frame, SMALL[2:5])), b"\x06" + frame(STATUS), b"\x03\x29\0\0\0\0"],
        "spec": [b"\0{}", b"\x01\0\x051", b'\x01\0\x10"0x00"', b"\x01\0\x20[]", b"\x01\0\x03-1"],
        "session": [*(b"\x03" + beat + step for step in steps), b"\x01" + join + beat],
        "hybrid_transaction": [transaction(SUITE_ACCOUNT, b"", ()), transaction(SUITE_MINING, bytes(20), ACCESSES)],
    }


def main() -> None:
    """Writes the files."""
    FOLDER.mkdir(exist_ok=True)
    for target, lawful in beginnings().items():
        path = FOLDER / f"{target}.txt"
        old = path.read_text(encoding="ascii") if path.exists() else ""
        found = old[old.index(FOUND) :] if FOUND in old else f"{FOUND}\n"
        path.write_text("".join(f"{data.hex()}\n" for data in lawful) + found, encoding="ascii")


if __name__ == "__main__":
    main()
