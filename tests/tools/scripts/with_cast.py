"""cast. python with_cast.py RPC_URL WS_URL KEY ARTIFACT CAST: facts as JSON, the same on every chain."""

import json
import subprocess
import sys
from pathlib import Path

url, _, key, artifact, cast = sys.argv[1:]
code = json.loads(Path(artifact).read_text(encoding="utf-8"))
RECIPIENT = "0x00000000000000000000000000000000000a11ce"
facts: dict[str, object] = {}


def run(*words: str) -> str:
    """What cast prints; of a failure its last line."""
    command = [cast, words[0], "--rpc-url", url, *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def send(*words: str) -> dict:
    return json.loads(run("send", "--json", "--private-key", key, *words))


sender = subprocess.run([cast, "wallet", "address", key], capture_output=True, text=True, check=True).stdout.strip()
before = int(run("balance", RECIPIENT))
paid = send(RECIPIENT, "--value", "5")
facts["paid"] = [paid["status"], paid["type"], int(run("balance", RECIPIENT)) - before]
vault = send("--create", code["bytecode"])["contractAddress"]
deposited = send(vault, "deposit()", "--value", "9")
facts["deposit"] = [deposited["status"], len(deposited["logs"])]
facts["read"] = run("call", vault, "deposits(address)(uint256)", sender)
index = [cast, "index", "address", sender, "0"]
slot = subprocess.run(index, capture_output=True, text=True, check=True).stdout.strip()
facts["storage"] = int(run("storage", vault, slot), 16)
facts["reverted"] = "nothing sent" in run("call", vault, "deposit()", "--from", sender)
facts["estimate"] = run("estimate", vault, "deposit()", "--value", "1", "--from", sender).isdigit()
facts["logs"] = len(
    json.loads(run("logs", "--json", "--address", vault, "--from-block", str(int(deposited["blockNumber"], 16))))
)
facts["traced"] = "Deposited" in run("run", deposited["transactionHash"]) or "emit" in run(
    "run", deposited["transactionHash"]
)
facts["access"] = "0x" in run("access-list", vault, "deposit()", "--value", "1", "--from", sender)
facts["nonce"] = int(run("nonce", sender)) > 0
print(json.dumps(facts))
