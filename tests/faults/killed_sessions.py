"""Runs mining identities in child processes that kill -9 themselves at chosen steps of their file work.

Arguments: a directory for everything, rounds, seed. Prints one JSON line a round: what died where, every (key, leaf,
digest) that was about to be signed, and every signature that was handed out. The parent only forks; it never signs.
"""

import dataclasses
import json
import os
import random
import signal
import sys
from hashlib import sha256
from pathlib import Path

from quip.wallet.mining_identity.identity import MiningIdentity
from quip.wallet.stateful_signer.signer import LeafKey

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.file_steps import Moment, counted

CHAIN_ID = 20050
BLOCKS = 3
NEW_DIRECTORY_EVERY = 16


class Reporting:
    """Tells the parent what is about to be signed, then signs."""

    def __init__(self, key: LeafKey, name: str, pipe: int) -> None:
        self._key, self._name, self._pipe = key, name, pipe

    def sign(self, leaf: int, message: bytes) -> bytes:
        """As LeafKey."""
        tell(self._pipe, {"signing": [self._name, leaf, message.hex()]})
        return self._key.sign(leaf, message)


REAL_WRITE = os.write


def tell(pipe: int, line: object) -> None:
    """One line to the parent, not counted as a step."""
    REAL_WRITE(pipe, json.dumps(line).encode() + b"\n")


def session(home: Path, records: Path, blocks: list[str], pipe: int) -> None:
    """Open the identity, sign, report, close."""
    with MiningIdentity.open(home, CHAIN_ID, records) as identity:
        name = identity.miner_id.hex()
        tell(pipe, {"open": [name, identity.index, identity.fresh_because]})
        signer = identity._tree.signer
        signer._secret = dataclasses.replace(signer._secret, xmss=Reporting(signer._secret.xmss, name, pipe))
        for block in blocks:
            ecdsa, xmss = identity.sign_block(sha256(block.encode()).digest())
            tell(pipe, {"released": [name, block, sha256(ecdsa + xmss).hexdigest()]})


def run(home: Path, blocks: list[str], fatal: int, moment: Moment) -> dict[str, object]:
    """One child; what it told and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with counted(fatal, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)) as steps:
            session(home, home.parent / "records", blocks, writing)
        tell(writing, {"steps": steps.count})
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [json.loads(line) for line in pipe]
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return {"home": home.name, "fatal": fatal, "moment": moment.value, "ended": ended, "told": told}


def steps_of(result: dict[str, object]) -> int:
    """How many steps an undisturbed child took."""
    told = result["told"]
    assert isinstance(told, list)
    return int(told[-1]["steps"])


def main() -> None:
    """Undisturbed runs first, to learn how many steps there are; then the killed ones."""
    everything, rounds, draw = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    first = run(everything / "old", ["a", "b"], 0, Moment.AFTER)
    later = run(everything / "old", ["b", "c", "d", "e"], 0, Moment.AFTER)
    results = [first, later]
    for number in range(rounds):
        moment = draw.choice(list(Moment))
        new = number % NEW_DIRECTORY_EVERY == 0
        home = everything / (f"new{number}" if new else "old")
        blocks = ["b"] + [f"{number}-{block}" for block in range(BLOCKS)]
        fatal = draw.randint(1, steps_of(first if new else later))
        results.append(run(home, blocks, fatal, moment))
        if new:
            results.append(run(home, blocks, 0, Moment.AFTER))
    for result in results:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
