"""Runs mining identities and hybrid accounts in child processes that kill -9 themselves at chosen steps of their file
work. An identity signs blocks and sweeps from one journal, an account transactions.

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
from typing import Any

from quip.wallet.accounts.hybrid_account import HybridAccount, hybrid_accounts, payload_of
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.mining_identity.identity import MiningIdentity
from quip.wallet.stateful_signer.signer import LeafKey, StatefulSigner

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.file_steps import Moment, counted

CHAIN_ID = 20050
SIGNATURES = 3
SWEEPS_FROM = 2**20 - 256
WORDS = Mnemonic.parse("test " * 11 + "junk")
NEW_DIRECTORY_EVERY = 16


class Reporting:
    """Tells the parent what is about to be signed, then signs.

    A sweep's leaf lies in the last of a thousand trees, which takes a quarter second to make: its signature is a hash.
    """

    def __init__(self, key: LeafKey, name: str, pipe: int) -> None:
        self._key, self._name, self._pipe = key, name, pipe

    def sign(self, leaf: int, message: bytes) -> bytes:
        """As LeafKey."""
        tell(self._pipe, {"signing": [self._name, leaf, message.hex()]})
        return (
            sha256(leaf.to_bytes(8, "big") + message).digest() if leaf >= SWEEPS_FROM else self._key.sign(leaf, message)
        )


REAL_WRITE = os.write


def tell(pipe: int, line: object) -> None:
    """One line to the parent, not counted as a step."""
    REAL_WRITE(pipe, json.dumps(line).encode() + b"\n")


def watched(signer: StatefulSigner, name: str, pipe: int) -> None:
    """Let the parent hear what the signer is about to sign."""
    signer._secret = dataclasses.replace(signer._secret, xmss=Reporting(signer._secret.xmss, name, pipe))


def request(label: str) -> TransactionRequest:
    """A transaction that nobody else asks for."""
    value = int.from_bytes(sha256(label.encode()).digest()[:8], "big")
    return TransactionRequest(CHAIN_ID, 0, 1, 2, 60_000, bytes(20), value, b"", ())


def identity_session(home: Path, records: Path, blocks: list[str], pipe: int) -> None:
    """Open the identity, sign blocks and a sweep between them, report, close."""
    with MiningIdentity.open(home, CHAIN_ID, records) as identity:
        name = identity.miner_id.hex()
        tell(pipe, {"open": [name, identity.index, identity.fresh_because]})
        watched(identity._tree.signer, name, pipe)
        for number, block in enumerate(blocks):
            ecdsa, xmss = identity.sign_block(sha256(block.encode()).digest())
            tell(pipe, {"released": [name, block, sha256(ecdsa + xmss).hexdigest()]})
            if number != 1:
                sweep = identity.sign_sweep(payload_of(request(block), identity.miner_id, identity.keys))
                tell(pipe, {"released": [name, f"sweep {block}", sha256(sweep.ecdsa + sweep.xmss).hexdigest()]})


def account_session(home: Path, records: Path, labels: list[str], pipe: int) -> None:
    """Open the account, made if there is none, sign transactions, report, close."""
    directories = hybrid_accounts(home)
    fresh = "" if directories else "first run"
    if directories:
        account = HybridAccount.open(directories[0], WORDS, records)
    else:
        account = HybridAccount.create(home, WORDS, CHAIN_ID, records)
    with account:
        name = account.address.hex()
        tell(pipe, {"open": [name, 0, fresh]})
        watched(account._tree.signer, name, pipe)
        account.settle(max(account._tree.signer.next_leaf - 8, account._tree.signer.settled))
        for label in labels:
            signed = account.sign(request(label))
            tell(pipe, {"released": [name, label, sha256(signed.encode()).hexdigest()]})


SESSIONS = {"identity": identity_session, "account": account_session}


def run(home: Path, labels: list[str], fatal: int, moment: Moment) -> dict[str, Any]:
    """One child; what it told and how it ended. The home's name begins with what lives there."""
    session = SESSIONS[home.name.partition("-")[0]]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with counted(fatal, moment, lambda: os.kill(os.getpid(), signal.SIGKILL)) as steps:
            session(home, home.parent / "records", labels, writing)
        tell(writing, {"steps": steps.count})
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = [json.loads(line) for line in pipe]
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    return {"home": home.name, "fatal": fatal, "moment": moment.value, "labels": labels, "ended": ended, "told": told}


def steps_of(result: dict[str, Any]) -> int:
    """How many steps an undisturbed child took."""
    return int(result["told"][-1]["steps"])


def run_to_death(home: Path, number: int, steps: int, moment: Moment, draw: random.Random) -> list[dict[str, Any]]:
    """Sessions in `home` until one is killed. How many steps a session takes depends on what the one before it left
    behind: one that ends before its fatal step tells how few it took, and the next is killed within those."""
    results: list[dict[str, Any]] = []
    while not results or results[-1]["ended"] == 0:
        if results:
            steps, results[-1]["fatal"] = min(steps - 1, steps_of(results[-1])), 0
        labels = ["b"] + [f"{number}-{len(results)}-{label}" for label in range(SIGNATURES)]
        results.append(run(home, labels, draw.randint(1, steps), moment))
    return results


def main() -> None:
    """Undisturbed runs first, to learn how many steps there are; then the killed ones."""
    everything, rounds, draw = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    results, steps = [], {}
    for kind in SESSIONS:
        first = run(everything / f"{kind}-old", ["a", "b"], 0, Moment.AFTER)
        later = run(everything / f"{kind}-old", ["b", "c", "d", "e"], 0, Moment.AFTER)
        steps[kind, True], steps[kind, False] = steps_of(first), steps_of(later)
        results += [first, later]
    for number in range(rounds):
        moment = draw.choice(list(Moment))
        kind, new = draw.choice(list(SESSIONS)), number % NEW_DIRECTORY_EVERY == 0
        home = everything / (f"{kind}-new{number}" if new else f"{kind}-old")
        results += run_to_death(home, number, steps[kind, new], moment, draw)
        if new:
            results.append(run(home, results[-1]["labels"], 0, Moment.AFTER))
    for result in results:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
