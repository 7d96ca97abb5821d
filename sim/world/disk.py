"""What of a node survives a crash: its store on a disk that can lose its power, its mining key, what it knows of peers.

Files lie in memory (/dev/shm where there is one). A store that loses its power in the middle of a commit keeps a random
part of what it had not synced. The signer's journals are the wallet's own; a crash leaves them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from quip._native import hashsig
from quip._native import store as native_store
from quip.net.address import Address
from quip.net.ports import Ban, KnownAddress
from quip.primitives import ecdsa, hybrid
from quip.primitives.hashes import blake3
from quip.primitives.hybrid import HybridKeys
from quip.storage.chain_store import RedbChainStore, for_network
from quip.storage.errors import StoreError
from quip.wallet.stateful_signer.signer import HybridSecret, StatefulSigner

CHAIN_ID = 20_051


@contextmanager
def memory_directory() -> Iterator[Path]:
    """A directory for a while, in memory if the system has that."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(prefix="quip-sim-", dir=shared if shared.is_dir() else None) as place:
        yield Path(place)


@cache
def mining_secret(number: int) -> HybridSecret:
    """The mining key of a number, made once per process (a key takes 0.2 s)."""
    secret = blake3(b"simulated miner" + number.to_bytes(4, "big"))
    xmss = hashsig.XmssKey.generate(hybrid.SUITE_MINING, secret * 3)
    return HybridSecret(HybridKeys(hybrid.SUITE_MINING, ecdsa.public_key(secret), xmss.public_key), secret, xmss)


class SimIdentity:
    """Signs blocks with the wallet's stateful signer: `quip.node.mining.block_producer.Identity`."""

    def __init__(self, secret: HybridSecret, signer: StatefulSigner) -> None:
        self._signer = signer
        self.keys: HybridKeys = secret.keys
        self.miner_id: bytes = hybrid.miner_id(secret.keys)

    def sign_block(self, block_hash: bytes) -> tuple[bytes, bytes]:
        """(ECDSA signature, XMSS signature); the same hash twice gives the same bytes."""
        signed = self._signer.sign(block_hash, lambda leaf: hybrid.block_digest(CHAIN_ID, self.keys, leaf, block_hash))
        return signed.ecdsa, signed.xmss

    def close(self) -> None:
        """Let go of the journals."""
        self._signer.close()


class SimPeerStorage:
    """`quip.net.ports.PeerStorage` in memory; what was saved is there after a crash, nothing else."""

    def __init__(self) -> None:
        self.every_ban: list[Ban] = []
        """Also those that were replaced."""
        self._pins: dict[Address, bytes] = {}
        self._bans: dict[str, Ban] = {}
        self._rows: list[KnownAddress] = []
        self._anchors: list[Address] = []

    def pin_of(self, address: Address) -> bytes | None:
        """The node id that this address is bound to."""
        return self._pins.get(address)

    def pin(self, address: Address, node_id: bytes) -> None:
        """Bind it."""
        self._pins[address] = node_id

    def bans(self) -> list[Ban]:
        """All bans."""
        return list(self._bans.values())

    def save_ban(self, ban: Ban) -> None:
        """Add or replace."""
        self.every_ban.append(ban)
        self._bans[ban.subject] = ban

    def manual(self) -> list[str]:
        """Nobody adds peers by command here."""
        return []

    def addresses(self) -> list[KnownAddress]:
        """The address book as last saved."""
        return self._rows

    def save_addresses(self, rows: list[KnownAddress], anchors: list[Address]) -> None:
        """Replace the saved address book and anchors."""
        self._rows, self._anchors = list(rows), list(anchors)

    def anchors(self) -> list[Address]:
        """Outbound peers of the last run."""
        return self._anchors


class NodeDisk:
    """One node's durable things: opened after each start, `crash` or `close` after each end."""

    def __init__(self, directory: Path, number: int) -> None:
        self.peers = SimPeerStorage()
        self.store_path = directory / f"store-{number}"
        self._journal = directory / f"journal-{number}"
        self._record = directory / f"record-{number}"
        self._secret = mining_secret(number)
        self.xmss_key: bytes = self._secret.keys.xmss
        self._full = False
        self._disk: native_store.FaultyDisk | None = None
        self._store: RedbChainStore | None = None
        self._identity: SimIdentity | None = None

    def open_store(self) -> RedbChainStore:
        """The chain store, repaired by itself if it was cut off."""
        self._disk = native_store.FaultyDisk(self.store_path)
        self._store = for_network(native_store.Store.open_on(self._disk), CHAIN_ID)
        self._disk.set_full(self._full)
        return self._store

    def open_identity(self) -> SimIdentity:
        """The mining identity, behind every leaf that may have been used."""
        begin = StatefulSigner.open if self._journal.exists() else StatefulSigner.create
        self._identity = SimIdentity(self._secret, begin(self._secret, 0, self._journal, self._record))
        return self._identity

    def cut_power_after(self, operations: int, keep_seed: int) -> None:
        """Let the power go in the middle of the store's k-th operation from now."""
        if self._disk is not None:
            self._disk.cut_power_after(operations, keep_seed)

    def set_full(self, full: bool) -> None:
        """While full, the store cannot grow; a disk that nobody has open becomes full too."""
        self._full = full
        if self._disk is not None:
            self._disk.set_full(full)

    @property
    def has_power(self) -> bool:
        """False once the power is gone."""
        return self._disk is not None and self._disk.has_power

    def crash(self, keep_seed: int) -> None:
        """The node is dead: unsynced writes are lost (a random part of them)."""
        if self._disk is not None and self._disk.has_power:
            self._disk.cut_power(keep_seed)
        with suppress(StoreError):  # a store without power cannot say that it was closed well
            self.close()

    def close(self) -> None:
        """Let go of all files."""
        store, identity = self._store, self._identity
        self._store = self._identity = self._disk = None
        if identity is not None:
            identity.close()
        if store is not None:
            store.close()
