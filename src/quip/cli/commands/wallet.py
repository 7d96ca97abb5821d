"""quip wallet: the words and the accounts made of them, and the way out when a mining identity is in doubt."""

import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.cli.commands import wallet_accounts
from quip.cli.commands.wallet_files import Records, WalletPlace, names_wallet
from quip.cli.node_access import open_target
from quip.cli.terminal import output
from quip.cli.terminal.exits import UsageError
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import DataDir, Json, Target, names_node, path_argument
from quip.consensus.spec.chain_spec import ChainSpec
from quip.node.config.data_dir import DataFiles
from quip.node.errors import DataDirError, NodeError
from quip.node.process.logs import key_progress
from quip.node.startup import directory_rules, load_rules, records_of
from quip.primitives.address import checksum_address
from quip.rpc.encoding import integer
from quip.wallet.accounts.backup import MAX_BYTES, restore_backup
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import WalletError, WalletMissing
from quip.wallet.mining_identity.identity import MiningIdentity, show_identity

app = command_app(
    help="Make, show and restore the wallet that rewards go to; sign with its accounts.", no_args_is_help=True
)

Words = Annotated[int, typer.Option("--words", help="12, 15, 18, 21 or 24 words")]
Reveal = Annotated[bool, typer.Option("--mnemonic", help="Print the words too: whoever sees them owns the wallet")]
Genesis = Annotated[
    str | None, typer.Option("--genesis-config", help="Chain of the node; default: the directory's own")
]

Hybrid = Annotated[
    bool, typer.Option("--hybrid", help="Make a hybrid account (ECDSA and XMSS) of the wallet's words instead")
]
NOT_RESTORABLE = (
    "Which one-time keys this account has used is known in its directory and nowhere else: neither the words nor a "
    "backup bring it back. Keep in it only what you can afford to lose with this disk."
)

app.command("list")(wallet_accounts.list_accounts)
app.command("import")(wallet_accounts.import_account)
app.command()(wallet_accounts.sign)
app.command()(wallet_accounts.settle)
app.command()(wallet_accounts.verify)
app.command()(wallet_accounts.backup)


@app.command()
@names_wallet
def create(
    place: WalletPlace,
    words: Words = 24,
    hybrid: Hybrid = False,
    genesis_config: Genesis = None,
    as_json: Json = False,
) -> None:
    """Make a new wallet, or with --hybrid another account in it; never overwrites one."""
    if not hybrid:
        _made(PayoutWallet.create(place.new().wallet, words), as_json)
        return
    files = place.existing()
    _wallet(files)
    output.emit_report(wallet_accounts.create_hybrid(files, _spec(files, genesis_config).chain_id), as_json)
    typer.echo(NOT_RESTORABLE, err=True)


@app.command()
@names_wallet
def restore(
    place: WalletPlace,
    backup: Annotated[
        Path | None, typer.Argument(help="Of quip wallet backup; default: words", metavar="FILE", parser=path_argument)
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the wallet of its words, or of a backup. Reads words from the terminal or from stdin; never overwrites."""
    wallet = place.new().wallet
    if backup is not None:
        restored = restore_backup(wallet, _backup_bytes(backup), place.password("the backup"))
        output.emit_report(asdict(restored), as_json)
        if restored.hybrid:
            typer.echo(f"{restored.hybrid} hybrid accounts came back as names only: they sign nothing here.", err=True)
        return
    PayoutWallet.check_free(wallet)
    asked = sys.stdin.isatty()
    phrase = typer.prompt("words", hide_input=True, err=True) if asked else sys.stdin.read()
    _made(PayoutWallet.restore(wallet, phrase), as_json)


def _backup_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}", "check the path") from None


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
    files = WalletPlace(target.data_dir).existing()
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
    files = WalletPlace(data_dir, records_dir).existing()
    spec = _spec(files, genesis_config)
    with MiningIdentity.recover(files.identity, spec.chain_id, records_of(files), key_progress) as identity:
        report = {"minerId": "0x" + identity.miner_id.hex(), "signaturesLeft": identity.remaining}
    output.emit_report(report, as_json)


def _spec(files: DataFiles, genesis_config: str | None) -> ChainSpec:
    if genesis_config is None and not files.spec.is_file():
        raise DataDirError(
            f"there is no chain in {files.root}", "give the --data-dir of a node that has run, or its --genesis-config"
        )
    return (directory_rules(files) if genesis_config is None else load_rules(genesis_config)).spec
