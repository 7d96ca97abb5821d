"""quip wallet list, import, sign, settle, verify, backup: a wallet's accounts, without a chain."""

import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.cli.commands.wallet_files import WalletPlace, names_wallet
from quip.cli.terminal import output
from quip.cli.terminal.exits import UsageError
from quip.cli.terminal.options import Json, path_argument
from quip.node.config.data_dir import DataFiles
from quip.node.startup import records_of
from quip.primitives.address import AddressError, checksum_address, parse_address
from quip.primitives.hybrid_transaction import TRANSACTION_TYPE, HybridTransaction, MalformedTransaction
from quip.primitives.signature_errors import SignatureError
from quip.wallet.accounts import classical, keystore
from quip.wallet.accounts.backup import write_backup
from quip.wallet.accounts.hybrid_account import HybridAccount, hybrid_accounts, payload_of, show_account
from quip.wallet.accounts.keystores import Keystores
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.accounts.transaction_request import MAX_TEXT, TransactionRequest
from quip.wallet.errors import AccountRefused, BadTransaction, UnknownAccount, WalletError
from quip.wallet.mining_identity.identity import MiningIdentity, show_identity

PATH = "m/44'/60'/0'/0/0"
HEX_HINT = "give its hex digits with 0x before them"

Input = Annotated[
    Path | None, typer.Argument(help="File; default: standard input", metavar="FILE", parser=path_argument)
]
From = Annotated[str, typer.Option("--from", help="Address of the account that signs", metavar="ADDRESS")]


@names_wallet
def list_accounts(place: WalletPlace, as_json: Json = False) -> None:
    """List the wallet's accounts, and what each can still sign."""
    rows = _accounts(place.existing())
    if as_json:
        output.emit_json(rows)
        return
    columns = ("address", "kind", "from", "signaturesLeft", "note")
    shown = [["" if row[name] is None else row[name] for name in columns] for row in rows]
    output.emit_table(["address", "kind", "from", "signatures left", "note"], shown)


def _accounts(files: DataFiles) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def add(address: bytes, kind: str, origin: str, left: int | None = None, note: str = "") -> None:
        row = {"address": checksum_address(address), "kind": kind, "from": origin}
        rows.append({**row, "signaturesLeft": left, "note": note})

    if PayoutWallet.exists(files.wallet):
        add(PayoutWallet.show(files.wallet).address, "classical", f"words, {PATH}")
    for address in Keystores(files.wallet).addresses():
        add(address, "classical", f"keystore {Keystores(files.wallet).path(address).name}")
    for directory in hybrid_accounts(files.wallet):
        try:
            account = show_account(directory, records_of(files))
        except AccountRefused as error:
            row = {"address": None, "kind": "hybrid", "from": directory.name}
            rows.append({**row, "signaturesLeft": 0, "note": error.message})
            continue
        origin = f"words, chain {account.chain_id}, tree {account.index}"
        add(account.address, "hybrid", origin, account.remaining, account.doubt and f"signs nothing: {account.doubt}")
    return rows


@names_wallet
def import_account(
    place: WalletPlace,
    file: Input = None,
    private_key: Annotated[
        bool, typer.Option("--private-key", help="Read a secret key in hex instead of a keystore")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import a classical account: a keystore of another wallet (Web3 Secret Storage v3), or its secret key."""
    text = _read(file, 2 * keystore.MAX_BYTES, hidden=private_key)
    if private_key:
        secret = _hex(text, "the secret key", shown=False)
        password = place.password("the new keystore", new=True)
    else:
        password = place.password("the keystore")
        secret = keystore.decrypt(text.encode(), password)
    stored = Keystores(place.new().wallet)
    address = stored.add_secret(secret, password)
    report = {"address": checksum_address(address), "keystore": str(stored.path(address))}
    output.emit_report(report, as_json)


@names_wallet
def sign(
    place: WalletPlace,
    sender: From,
    file: Input = None,
    message: Annotated[
        str | None, typer.Option("--message", help="Sign this text (EIP-191) instead of a transaction")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sign a transaction (JSON, named as in eth_sendTransaction) or a message, without a node.

    Prints the raw transaction for eth_sendRawTransaction. A hybrid account takes a new one-time key for it, and gives
    the same bytes for the same transaction. From the miner id, of a stopped node: plain transfers only.
    """
    signer = Signer(place.existing(), _address(sender), place)
    if message is not None:
        signed = classical.sign_message(signer.classical_secret(), message.encode())
        output.emit_report({"address": checksum_address(signer.address), "signature": f"0x{signed.hex()}"}, as_json)
        return
    request = TransactionRequest.parse(_read(file, MAX_TEXT))
    raw = signer.sign(request)
    if as_json:
        output.emit_json({"raw": f"0x{raw.hex()}", **_described(raw)})
    else:
        typer.echo(f"0x{raw.hex()}")


@names_wallet
def settle(
    place: WalletPlace,
    account: Annotated[str, typer.Argument(help="Address of a hybrid account", metavar="ADDRESS")],
    leaf: Annotated[int, typer.Argument(help="leafIndex of the first that may still be undone", metavar="LEAF", min=0)],
) -> None:
    """Say that lower one-time keys' transactions are 64 blocks deep, or can never be mined, so that it signs on."""
    signer = Signer(place.existing(), _address(account), place)
    with signer.hybrid() as opened:
        try:
            opened.settle(leaf)
        except ValueError:
            raise UsageError(
                f"{leaf} is below what was said before, or above what was signed",
                "give the first one-time key (leafIndex) whose transaction is not yet 64 blocks deep",
            ) from None


@dataclass(frozen=True, slots=True)
class Signer:
    """The account that `--from` names, and how it signs."""

    files: DataFiles
    address: bytes
    place: WalletPlace

    def sign(self, request: TransactionRequest) -> bytes:
        """A raw transaction. Raises a WalletError."""
        if self._hybrid_directory() is not None:
            with self.hybrid() as account:
                try:
                    return account.sign(request).encode()
                except ValueError as error:
                    hint = "a hybrid account signs for the chain that it was made for"
                    raise BadTransaction(str(error), hint) from None
        if self.address == self._miner_id():
            with MiningIdentity.resume(self.files.identity, records_of(self.files)) as identity:
                payload = payload_of(request, identity.miner_id, identity.keys)
                try:
                    return identity.sign_sweep(payload).encode()
                except ValueError as error:
                    raise BadTransaction(str(error), "move its balance with an empty data, on its own chain") from None
        return classical.sign_transaction(self.classical_secret(), request)

    def hybrid(self) -> HybridAccount:
        """The hybrid account, opened. Raises UnknownAccount, or what `HybridAccount.open` raises."""
        directory = self._hybrid_directory()
        if directory is None:
            raise UnknownAccount(checksum_address(self.address), self.files.wallet)
        mnemonic = Mnemonic.load(PayoutWallet.show(self.files.wallet).mnemonic_path)
        return HybridAccount.open(directory, mnemonic, records_of(self.files))

    def _hybrid_directory(self) -> Path | None:
        records = records_of(self.files)
        for directory in hybrid_accounts(self.files.wallet):
            with suppress(AccountRefused):  # of a damaged one nobody knows the name
                if show_account(directory, records).address == self.address:
                    return directory
        return None

    def classical_secret(self) -> bytes:
        """The secp256k1 secret of a classical account. Raises UnknownAccount, or what opening a keystore raises."""
        wallet = self.files.wallet
        if self._hybrid_directory() is not None or self.address == self._miner_id():
            hint = "sign it with a classical account: nobody else reads a hybrid signature of a text"
            raise WalletError(f"{checksum_address(self.address)} signs transactions only", hint)
        if PayoutWallet.exists(wallet) and PayoutWallet.show(wallet).address == self.address:
            return Mnemonic.load(PayoutWallet.show(wallet).mnemonic_path).ecdsa_secret(0)
        if self.address in Keystores(wallet).addresses():
            password = self.place.password(f"the keystore of {checksum_address(self.address)}")
            return Keystores(wallet).secret(self.address, password)
        raise UnknownAccount(checksum_address(self.address), wallet)

    def _miner_id(self) -> bytes | None:
        try:
            return show_identity(self.files.identity).miner_id
        except WalletError:
            return None


def verify(
    file: Input = None,
    message: Annotated[str | None, typer.Option("--message", help="The text that was signed (EIP-191)")] = None,
    sender: Annotated[str | None, typer.Option("--from", help="Address that has to be the signer's")] = None,
    as_json: Json = False,
) -> None:
    """Verify a raw transaction, or with --message the signature of a text, and say who signed it."""
    raw = _hex(_read(file, MAX_TEXT), "the signature" if message is not None else "the transaction")
    if message is None:
        report = _described(raw)
    else:
        try:
            report = {"from": checksum_address(classical.signer_of_message(message.encode(), raw))}
        except SignatureError as error:
            raise WalletError(f"the signature is not good: {error}", "check that it is whole") from None
    if sender is not None and _address(sender) != _address(report["from"]):
        raise WalletError(f"signed by {report['from']}, not by {sender}", "ask the sender to sign it again")
    output.emit_report(report, as_json)


def _described(raw: bytes) -> dict[str, Any]:
    """Who signed a raw transaction, and what it is called. Raises BadTransaction."""
    if raw[:1] != bytes([TRANSACTION_TYPE]):
        sender = classical.sender_of(raw)
        kind = f"0x{raw[0] if raw[0] < 0x7F else 0:x}"
        return {"type": kind, "from": checksum_address(sender), "hash": f"0x{classical.hash_of(raw).hex()}"}
    try:
        transaction = HybridTransaction.decode(raw)
        named = transaction.verify()
    except (MalformedTransaction, SignatureError) as error:
        raise BadTransaction(str(error), "ask the sender to sign it again") from None
    payload = transaction.payload
    return {
        "type": f"0x{TRANSACTION_TYPE:x}",
        "from": checksum_address(payload.sender),
        "hash": f"0x{transaction.hash().hex()}",
        "suite": payload.keys.suite,
        "leafIndex": payload.leaf,
        "keysNameSender": named,
    }


@names_wallet
def backup(
    place: WalletPlace,
    file: Annotated[Path, typer.Argument(help="New file", metavar="FILE", parser=path_argument)],
) -> None:
    """Write words, keystores and the list of hybrid accounts to an encrypted file.

    It brings keys back, never which one-time keys were used: a hybrid account that comes back signs nothing.
    """
    write_backup(place.existing().wallet, file, place.password("the backup", new=True))
    typer.echo(f"wrote {file}; keep it and its password apart", err=True)


def create_hybrid(files: DataFiles, chain_id: int) -> dict[str, Any]:
    """A new hybrid account of the wallet's words."""
    wallet = PayoutWallet.show(files.wallet)
    mnemonic = Mnemonic.load(wallet.mnemonic_path)
    with closing(HybridAccount.create(files.wallet, mnemonic, chain_id, records_of(files))) as account:
        address, directory = checksum_address(account.address), str(account.directory)
        return {"address": address, "chain": str(chain_id), "directory": directory, "signaturesLeft": account.remaining}


def _address(text: str) -> bytes:
    try:
        return parse_address(text)
    except AddressError as error:
        raise UsageError(str(error), "copy the address as a whole") from None


def _read(file: Path | None, limit: int, hidden: bool = False) -> str:
    """The text of a file or of standard input (typed unseen if it is a secret). Raises UsageError."""
    try:
        if file is None and hidden and sys.stdin.isatty():
            typed: str = typer.prompt("secret key", hide_input=True, err=True)
            return typed
        if file is None:
            text = sys.stdin.read(limit + 1)
        else:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(limit + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file or 'standard input'}: {error}", "check the path and the file") from None
    if len(text) > limit:
        raise UsageError(f"{file or 'standard input'} has more than {limit} characters", "give one document")
    return text


def _hex(text: str, what: str, shown: bool = True) -> bytes:
    try:
        return bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        given = f": {text.strip()[:40]!r}" if shown else ""
        raise UsageError(f"{what} is no hex{given}", HEX_HINT) from None
