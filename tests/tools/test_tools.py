"""Unmodified clients do the same on a node of ours as on anvil: `make tools` installs them and runs this.

One node that mines on demand serves all of them, each with a developer's account of its own.
A fact that differs is in DIFFERENCES with whose fault it is, or the test fails.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from quip.networks.developer_accounts import DEVELOPER_WORDS
from quip.rpc.client import RpcClient, RpcUnreachable
from support.node_process import NodeProcess, wait_until
from support.places import ROOT

TOOLS = ROOT / ".tools"
HERE = Path(__file__).parent
NODE = TOOLS / "python" / "bin" / "node"
DEADLINE_S = 240

pytestmark = [
    pytest.mark.skipif((TOOLS / "missing").exists(), reason="the packages of npm and PyPI could not be had"),
    pytest.mark.skipif(not TOOLS.exists(), reason="`make tools` installs what this needs"),
    pytest.mark.timeout(2 * DEADLINE_S),
]

DIFFERENCES: dict[str, dict[str, str]] = {
    "web3 8 (Python)": {
        "proof": "anvil refuses the slot 0x0, which is how web3 for Python writes slot 0; geth and we take it"
    },
    "web3 7 (Python)": {
        "proof": "anvil refuses the slot 0x0, which is how web3 for Python writes slot 0; geth and we take it"
    },
}


@dataclass(frozen=True)
class Chain:
    """Where a chain answers."""

    http: str

    @property
    def websocket(self) -> str:
        return self.http.replace("http://", "ws://")


def binary(name: str) -> Path:
    """A program of Foundry's, for whatever machine this is."""
    (found,) = (TOOLS / "node_modules" / "@foundry-rs").glob(f"{name}-*/bin/{name}")
    return found


@pytest.fixture(scope="module")
def quip(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    home = tmp_path_factory.mktemp("node")
    node = NodeProcess(home, home / "data", "--mine-on-demand", genesis="local")
    yield Chain(node.client().url)
    node.stop()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Chain]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([binary("anvil"), "--port", str(port), "--silent", "--hardfork", "osaka"])
    chain = Chain(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        try:
            return bool(RpcClient(chain.http).call("eth_chainId") == "0x7a69")
        except RpcUnreachable:
            return False

    wait_until(answers, "anvil")
    yield chain
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts beside the installed packages, the contract compiled."""
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copytree(HERE / "scripts", folder / "scripts")
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    shutil.copy(HERE / "package.json", folder)
    compiled = subprocess.run(
        [NODE, folder / "scripts" / "compile.mjs", HERE / "Vault.sol"], capture_output=True, text=True, check=True
    )
    (folder / "vault.json").write_text(compiled.stdout, encoding="utf-8")
    shutil.copytree(HERE / "forge", folder / "forge")
    shutil.copy(HERE / "Vault.sol", folder / "forge" / "src")
    for project in ("hardhat2", "hardhat3"):
        shutil.copytree(HERE / project, folder / project)
        (folder / project / "contracts").mkdir()
        shutil.copy(HERE / "Vault.sol", folder / project / "contracts")
        (folder / project / "node_modules").symlink_to(TOOLS / project / "node_modules")
    solc = folder / "solc"
    solc.write_text(f'#!/bin/sh\nexec "{NODE}" "{folder}/scripts/solc-wrapper.mjs" "$@"\n', encoding="utf-8")
    solc.chmod(0o755)
    return folder


def key(index: int) -> str:
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(DEVELOPER_WORDS, account_path=f"m/44'/60'/0'/0/{index}")
    return "0x" + bytes(account.key).hex()


def command(tool: str, workshop: Path) -> tuple[list[str], list[str]]:
    """What runs the tool's script, and what follows after where the chain is and the key."""
    scripts = workshop / "scripts"
    artifact = str(workshop / "vault.json")
    python = {"web3 7 (Python)": TOOLS / "web3-7" / "bin" / "python"}.get(tool, TOOLS / "python" / "bin" / "python")
    match tool:
        case "ethers" | "viem" | "web3":
            return [str(NODE), str(scripts / f"with_{tool}.mjs")], [artifact]
        case "cast":
            return [str(python), str(scripts / "with_cast.py")], [artifact, str(binary("cast"))]
        case "forge":
            more = [str(workshop / "forge"), str(binary("forge")), str(workshop / "solc")]
            return [str(python), str(scripts / "with_forge.py")], more
        case "hardhat2" | "hardhat3":
            suffix = "cjs" if tool == "hardhat2" else "mjs"
            program = workshop / tool / "node_modules" / "hardhat" / "package.json"
            entry = json.loads(program.read_text(encoding="utf-8"))["bin"]
            file = entry if isinstance(entry, str) else entry["hardhat"]
            return [str(NODE), str(program.parent / file), "run", "--network", "chain", f"scripts/vault.{suffix}"], []
        case _:
            return [str(python), str(scripts / "with_web3.py")], [artifact]


def facts(tool: str, workshop: Path, chain: Chain, secret: str) -> dict[str, Any]:
    run, more = command(tool, workshop)
    words = [*run, chain.http, chain.websocket, secret, *more]
    environment = {**os.environ, "RPC_URL": chain.http, "VAULT_KEY": secret, "HARDHAT_DISABLE_TELEMETRY_PROMPT": "1"}
    where = workshop
    if tool in ("hardhat2", "hardhat3"):
        words, where = run, workshop / tool
    done = subprocess.run(
        words, cwd=where, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, f"{tool} at {chain.http}: {done.stdout}\n{done.stderr}"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


CLIENTS = ["ethers", "viem", "web3", "web3 8 (Python)", "web3 7 (Python)", "cast", "forge", "hardhat2", "hardhat3"]


@pytest.mark.parametrize("tool", CLIENTS)
def test_a_client_finds_what_it_finds_at_anvil(tool: str, quip: Chain, anvil: Chain, workshop: Path) -> None:
    secret = key(CLIENTS.index(tool))
    ours, theirs = (facts(tool, workshop, chain, secret) for chain in (quip, anvil))
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == set(DIFFERENCES.get(tool, {})), (ours, theirs)
