"""forge. python with_forge.py RPC_URL WS_URL KEY FOLDER FORGE SOLC: facts as JSON, the same on every chain.

In FOLDER: a project with src/Vault.sol, script/Deploy.s.sol and test/Fork.t.sol.
"""

import json
import os
import subprocess
import sys

url, _, key, folder, forge, solc = sys.argv[1:]
facts: dict[str, object] = {}


def run(*words: str) -> str:
    """What forge prints, and how it ended."""
    command = [forge, *words, "--use", solc]
    environment = {**os.environ, "FOUNDRY_OFFLINE": "true", "VAULT_KEY": key}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    return f"{done.stdout}\n{done.stderr}\nended with {done.returncode}"


made = run("create", "src/Vault.sol:Vault", "--rpc-url", url, "--private-key", key, "--broadcast")
facts["create"] = "Deployed to: 0x" in made
script = run("script", "script/Deploy.s.sol:Deploy", "--rpc-url", url, "--private-key", key, "--broadcast", "--slow")
facts["script"] = "ONCHAIN EXECUTION COMPLETE & SUCCESSFUL" in script
forked = run("test", "--fork-url", url)
facts["test"] = [line.strip() for line in forked.splitlines() if line.strip().startswith("[")]
facts["test"] = [line.split(" (")[0] for line in facts["test"]]
if not facts["create"] or not facts["script"] or "ended with 0" not in forked:
    print(made, script, forked, file=sys.stderr)
print(json.dumps(facts))
