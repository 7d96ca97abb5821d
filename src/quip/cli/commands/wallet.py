"""quip wallet: the payout wallet's words, and the way out when a mining identity is in doubt."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.cli.node_access import meant_data_dir, open_target
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import DataDir, Json, Target, names_node
from quip.node.config.data_dir import DataFiles, default_data_dir
from quip.node.config.node_config import FIRST_PORT
from quip.node.errors import DataDirError, NodeError
from quip.node.process.logs import key_progress
from quip.node.startup import directory_rules, load_rules, records_of
from quip.primitives.address import checksum_address
from quip.rpc.encoding import integer
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import WalletError, WalletMissing
from quip.wallet.mining_identity.identity import MiningIdentity, show_identity

app = command_app(help="Make, show and restore the wallet that rewards go to.", no_args_is_help=True)

Words = Annotated[int, typer.Option("--words", help="12, 15, 18, 21 or 24 words")]
Reveal = Annotated[bool, typer.Option("--mnemonic", help="Print the words too: whoever sees them owns the wallet")]
Genesis = Annotated[
    str | None, typer.Option("--genesis-config", help="Chain of the node; default: the directory's own")
]

Records = Annotated[
    Path | None, typer.Option("--records-dir", help="The node's records_dir, where it has one", metavar="PATH")
]


def _files(data_dir: Path | None) -> DataFiles:
    return DataFiles(meant_data_dir(data_dir))


def _new_place(data_dir: Path | None) -> DataFiles:
    """Where a wallet is to be made: before the first node has run, where that one will look for it."""
    return DataFiles(meant_data_dir(data_dir, default_data_dir("public", FIRST_PORT)))


@app.command()
def create(words: Words = 24, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make a new payout wallet; never overwrites one."""
    wallet = PayoutWallet.create(_new_place(data_dir).wallet, words)
    _made(wallet, as_json)


@app.command()
def restore(as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make the payout wallet of its words. Reads them from the terminal or from stdin; never overwrites a wallet."""
    place = _new_place(data_dir).wallet
    PayoutWallet.check_free(place)
    asked = sys.stdin.isatty()
    phrase = typer.prompt("words", hide_input=True, err=True) if asked else sys.stdin.read()
    wallet = PayoutWallet.restore(place, phrase)
    _made(wallet, as_json)


def _made(wallet: PayoutWallet, as_json: bool) -> None:
    report = {"address": wallet.checksum_address, "mnemonicFile": str(wallet.mnemonic_path)}
    if as_json:
        output.emit_json(report)
        return
    output.emit_pairs({"address": report["address"], "words": report["mnemonicFile"]})
    typer.echo("Write the words down and keep them safe: they are the wallet.", err=True)


@app.command()
@names_node
def show(target: Target, mnemonic: Reveal = False, as_json: Json = False) -> None:
    """Show the payout wallet with its balance, and the mining identity."""
    files = _files(target.data_dir)
    wallet = _wallet(files)
    report: dict[str, Any] = {
        "address": wallet.checksum_address,
        "mnemonicFile": str(wallet.mnemonic_path),
        "balance": _balance(wallet, replace(target, data_dir=files.root)),
        **_identity(files),
    }
    if mnemonic:
        report["mnemonic"] = wallet.phrase
    if not as_json:
        report["balance"] = None if report["balance"] is None else output.coins(integer(report["balance"]))
        report = {name: "unknown" if value is None else value for name, value in report.items()}
    output.emit_report(report, as_json)


def _wallet(files: DataFiles) -> PayoutWallet:
    try:
        return PayoutWallet.show(files.wallet)
    except WalletMissing as error:
        here = f"--data-dir {shlex.quote(str(files.root))}"
        raise NodeError(error.message, f"run: quip wallet create {here}, or: quip wallet restore {here}") from None


def _balance(wallet: PayoutWallet, target: Target) -> str | None:
    try:
        with open_target(target) as node:
            balance: str = node.call("eth_getBalance", checksum_address(wallet.address), "latest")
            return balance
    except NodeError:
        return None  # a wallet can be shown without a chain


def _identity(files: DataFiles) -> dict[str, Any]:
    try:
        identity = show_identity(files.identity)
    except WalletError:
        return {"minerId": None, "signaturesLeft": None}
    return {"minerId": "0x" + identity.miner_id.hex(), "signaturesLeft": identity.remaining}


@app.command()
def recover(
    genesis_config: Genesis = None, as_json: Json = False, data_dir: DataDir = None, records_dir: Records = None
) -> None:
    """Give the mining identity a fresh tree. It signs from now on; the old one never does again."""
    files = replace(_files(data_dir), records=records_dir)
    if genesis_config is None and not files.spec.is_file():
        raise DataDirError(
            f"there is no chain in {files.root}", "give the --data-dir of a node that has run, or its --genesis-config"
        )
    spec = (directory_rules(files) if genesis_config is None else load_rules(genesis_config)).spec
    with MiningIdentity.recover(files.identity, spec.chain_id, records_of(files), key_progress) as identity:
        report = {"minerId": "0x" + identity.miner_id.hex(), "signaturesLeft": identity.remaining}
    output.emit_report(report, as_json)
