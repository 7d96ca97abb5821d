"""Everything that a start would open, opened before it makes anything: `--check-config`, and the first act of a start.

What this file does not do: it takes no lock and no port, and creates no file. So a node may run meanwhile; and what
only shows inside the store (another chain, a payee that is a miner) shows at the start.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from quip.consensus.spec.chain_spec import ChainSpec
from quip.net.local_errors import KeyFileError
from quip.net.quic.node_identity import CERTIFICATE_FILE, KEY_FILE, NodeIdentity, read_certificates, read_chain
from quip.node import startup
from quip.node.config.data_dir import DataFiles, files_of
from quip.node.config.node_config import NodeConfig
from quip.node.config.token_file import read_token
from quip.node.directory_check import check_private
from quip.node.errors import ConfigError, DataDirError
from quip.node.network import opening
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.payout import PayoutWallet

MAX_SQLITE_PATH_BYTES = 512
MAX_DATA_DIR_BYTES = MAX_SQLITE_PATH_BYTES - len("/trust.db-journal")
DATA_DIR_HINT = "name another --data-dir (or mend this one)"


def check(config: NodeConfig) -> None:
    """Raises what the start would raise: ConfigError, DataDirError, LocalError, WalletError."""
    spec = startup.read_spec(config.genesis_config)[0]
    _check_miners(config, spec)
    files = files_of(config, spec.name)
    check_data_dir(files.root)
    _check_chain(files, spec.chain_id)
    _check_keys(config, files)
    _check_addresses(config)
    for key, log in (("node_log", config.node_log), ("http_log", config.rpc.access_log)):
        if log is not None:
            _check_log(key, log)
    if config.rpc.token_file is not None:
        read_token(config.rpc.token_file)


def _check_miners(config: NodeConfig, spec: ChainSpec) -> None:
    """A proof of a developer's chain costs nothing: miners would make thousands of empty blocks."""
    if config.auto_mine and spec.developer:
        raise ConfigError(
            f"auto_mine: {spec.name} is a developer's chain, whose blocks cost nothing",
            "give --mine-on-demand instead: a block for each transaction",
        )


def check_data_dir(root: Path) -> None:
    """Can this be a node's data directory? Raises DataDirError."""
    with startup.explained(root):
        if root.is_symlink() and not root.exists():
            raise DataDirError(
                f"the data directory {root} is a symbolic link to {root.readlink()}, which does not exist",
                f"make that directory, or {DATA_DIR_HINT}",
            )
        length = len(os.fsencode(root.resolve()))
        if length > MAX_DATA_DIR_BYTES:
            raise DataDirError(
                f"the data directory's path is {length} bytes long; trust.db in it needs at most {MAX_DATA_DIR_BYTES}",
                "name a --data-dir with a shorter path",
            )
        place = root
        while not place.exists():
            if place.is_symlink():
                raise DataDirError(f"{place} is a symbolic link to nothing: cannot make {root}", DATA_DIR_HINT)
            place = place.parent
        if not place.is_dir():
            what = f"the data directory {root} is" if place == root else f"cannot make the data directory {root}:"
            raise DataDirError(f"{what} {'' if place == root else f'{place} is '}a file", DATA_DIR_HINT)
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK if place == root else os.W_OK | os.X_OK):
            raise DataDirError(f"cannot use the data directory {root}: no right to write in {place}", DATA_DIR_HINT)


def _check_chain(files: DataFiles, chain_id: int) -> None:
    """A data directory belongs to one chain. A chain_spec.json that cannot be read is written anew by the start."""
    with contextlib.suppress(OSError, ConfigError):
        made_with = startup.spec_of(files.spec.read_bytes(), str(files.spec))
        if made_with.chain_id != chain_id and files.store.exists():
            raise startup.other_chain(files.root, made_with.chain_id, chain_id)


def _check_keys(config: NodeConfig, files: DataFiles) -> None:
    network = config.network
    if network.require_client_ca is not None:
        with _named("require_client_ca"):
            read_certificates(network.require_client_ca)
    check_private(files)
    startup.check_records(files)
    if network.tls_cert_file is not None:
        with _named("tls_cert_file"):
            read_chain(network.tls_cert_file)
        with _named("tls_key_file"):
            NodeIdentity.open(files.root, network.tls_cert_file, network.tls_key_file)
    elif all((files.root / name).exists() for name in (KEY_FILE, CERTIFICATE_FILE)):  # else they would be made here
        NodeIdentity.open(files.root)
    if (files.identity / "mnemonic").exists():
        Mnemonic.load(files.identity / "mnemonic")
    if config.payout is None and (files.wallet / "mnemonic").exists():
        PayoutWallet.show(files.wallet)


@contextlib.contextmanager
def _named(key: str) -> Iterator[None]:
    """What is wrong with a key file is said with the key of the configuration that named it."""
    try:
        yield
    except KeyFileError as error:
        error.message = f"{key}: {error.message}"
        raise


def _check_addresses(config: NodeConfig) -> None:
    opening.listening_host(replace(config, port=0))  # of the port's own fate the start decides
    served = [("rpc_listen", config.rpc.listen)]
    if config.metrics.port is not None:
        served.append(("metrics_listen", config.metrics.listen))
    for key, host in served:
        check_tcp_host(key, host)


def check_tcp_host(key: str, host: str) -> None:
    """Can a server of this machine listen there? Raises ConfigError."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(address)
    except OSError as error:
        raise ConfigError(
            f"{key} = {host!r} is no address of this machine: {error.strerror}",
            "give one of this machine, such as 127.0.0.1, 0.0.0.0 or ::",
        ) from None


def _check_log(key: str, file: Path) -> None:
    hint = f"choose a path for {key} that can be written"
    try:
        place = file
        while not os.path.lexists(place):
            place = place.parent
        if place != file:
            usable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        else:
            mode = file.stat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISCHR(mode)):
                raise ConfigError(f"{key}: {file} is no ordinary file", hint)
            usable = os.access(file, os.W_OK)
    except OSError as error:
        raise ConfigError(f"{key}: cannot write {file}: {error.strerror}", hint) from None
    if not usable:
        raise ConfigError(f"{key}: cannot write {file}: no right to, or {place} is no directory", hint)
