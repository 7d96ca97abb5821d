"""The native module (crates/python), one section per part. Every bad argument raises ValueError."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypeAlias

RlpItem: TypeAlias = bytes | Sequence[RlpItem]
RlpDecoded: TypeAlias = bytes | list[RlpDecoded]

# ---- primitives and signatures ---------------------------------------------------------------------------------
def keccak256(data: bytes) -> bytes: ...
def blake3_hash(data: bytes) -> bytes: ...
def rlp_encode(item: RlpItem) -> bytes: ...
def rlp_decode(data: bytes) -> RlpDecoded: ...
def ecdsa_public_key(secret: bytes) -> bytes: ...
def ecdsa_uncompressed(public_key: bytes) -> bytes: ...
def ecdsa_sign(secret: bytes, digest: bytes) -> bytes: ...
def ecdsa_recover(signature: bytes, digest: bytes) -> bytes: ...
def xmss_verify(suite: int, public_key: bytes, message: bytes, signature: bytes) -> bool: ...
def bip39_phrase(entropy: bytes) -> str: ...
def bip39_seed(phrase: str, passphrase: str) -> bytes: ...
def bip32_secret(seed: bytes, path: str) -> bytes: ...
def hkdf_sha256(key: bytes, info: bytes, length: int) -> bytes: ...

class XmssKey:
    """Signs with the leaf it is told. Seeds: sk_seed || sk_prf || pub_seed. RuntimeError: a stored tree is damaged."""

    @staticmethod
    def generate(suite: int, seed_bytes: bytes, progress: Callable[[int, int], object] | None = None) -> XmssKey: ...
    @staticmethod
    def restore(suite: int, seed_bytes: bytes, top_tree: bytes) -> XmssKey: ...
    @property
    def public_key(self) -> bytes: ...
    def prepare(self, leaf: int, progress: Callable[[int, int], object] | None = None) -> None: ...
    def sign(self, leaf: int, message: bytes) -> bytes: ...
    def tree(self, layer: int) -> tuple[int, bytes] | None: ...
    def put_tree(self, layer: int, number: int, nodes: bytes) -> None: ...

# ---------------------------------------------------------------- ising (crates/python/src/ising.rs)

class CancelFlag:
    """Stops a run from another thread: polled at least every 10 ms."""
    def __init__(self) -> None: ...
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...

class IsingGraph:
    """n spins (at most 2^16, degree at most 24), couplers (u32le pairs u < v, ascending), visiting order (u32le)."""
    def __init__(self, n: int, couplers: bytes, order: bytes) -> None: ...
    @property
    def n(self) -> int: ...
    @property
    def max_degree(self) -> int: ...

class IsingSchedule:
    """Integer cutoffs rows[sweep][k] in 1/65536: 65536 at k = 0, never rising with k, 0 beyond a row's end."""
    def __init__(self, rows: list[list[int]]) -> None: ...
    @property
    def sweeps(self) -> int: ...

class IsingModel:
    """E(s) = sum h_i s_i + sum J_uv s_u s_v. All methods release the GIL. ValueError on bad arguments."""
    @staticmethod
    def from_seed(graph: IsingGraph, seed: bytes, ternary: bool) -> IsingModel: ...
    @staticmethod
    def from_couplings(graph: IsingGraph, couplings: list[int], fields: list[int]) -> IsingModel: ...
    @property
    def couplings(self) -> list[int]: ...
    @property
    def fields(self) -> list[int]: ...
    @property
    def n(self) -> int: ...
    def packed_couplers(self) -> bytes:
        """u32 little-endian pairs."""
    @property
    def start_offset(self) -> int | None: ...
    def energies(self, solutions: list[bytes]) -> list[int]: ...
    def baseline(
        self, schedule: IsingSchedule, cancel: CancelFlag | None = None, path: str | None = None
    ) -> IsingSamples | None:
        """The consensus baseline's final replicas; None: cancelled."""
    def anneal(
        self, schedule: IsingSchedule, seed: int, cancel: CancelFlag | None = None, path: str | None = None
    ) -> IsingSamples | None:
        """512 replicas from a counter-based start and draws; None: cancelled. Equal seeds (u64) give equal bits."""

class IsingSamples:
    """Final configurations and energies of a run's 512 replicas."""
    @property
    def energies(self) -> list[int]: ...
    @property
    def total(self) -> int: ...
    @property
    def best(self) -> int: ...
    def replica(self, replica: int, fold: bool = False) -> bytes: ...
    def diverse(self, max_energy: int, count: int, min_distance: int, fold: bool) -> tuple[int, list[bytes]] | None:
        """Least energy bound under which `count` replicas lie `min_distance` apart, with them, ascending."""

class SealVerifier:
    """Whole seals of one puzzle. `bounds`: B_cap, min_solutions, min_distance."""
    def __init__(
        self, graph: IsingGraph, schedule: IsingSchedule, ternary: bool, bounds: tuple[int, int, int]
    ) -> None: ...
    def good(
        self,
        chain_id: int,
        seals: list[tuple[tuple[bytes, bytes, bytes, int], tuple[int, bytes, bytes, bytes, bytes], Sequence[bytes]]],
    ) -> list[bool]:
        """Per seal whether signatures and proof are good. ((block hash, miner id, seed, margin), (suite, ECDSA key,
        XMSS key, ECDSA signature, XMSS signature), solutions)."""

def ising_seed(sealing_hash: bytes, nonce: bytes) -> bytes: ...
def ising_gate_open(seed: bytes, bits: int) -> bool: ...
def ising_search_gate(sealing_hash: bytes, start: int, limit: int, bits: int) -> tuple[int, bytes] | None: ...
def ising_stream(seed: bytes, offset: int, length: int) -> bytes: ...
def ising_minimum_distance(solutions: list[bytes], n: int, fold: bool) -> int: ...
def ising_choose(solutions: list[bytes], n: int, fold: bool, count: int, min_distance: int) -> list[int] | None: ...
def ising_paths() -> list[str]: ...

# ---------------------------------------------------------------- store (crates/python/src/store.rs)

class StoreError(Exception):
    """The store refuses: an operating system error, a closed or read-only store; and the base of the four below."""

class StoreCorrupt(StoreError):
    """What is on disk is not what was written. The message names what is broken and the command that mends it."""

    table: str
    """Table of the broken or requested row; empty where it is not about one row."""
    key: bytes
    """Its key."""

class StoreLocked(StoreError):
    """Another process has the file open."""

class StoreFull(StoreError):
    """The disk is full. Reads go on; the same commit may be repeated once there is room."""

class StoreVersion(StoreError):
    """The file was written by another version of the store."""

class Store:
    """Tables of bytes -> bytes in one file. Every value is checked against its checksum when it is read; every method
    may be called from any thread, releases the GIL (`get` only where it would wait) and raises StoreError or one of its
    kinds."""

    @staticmethod
    def open(path: str | PathLike[str], read_only: bool = False) -> Store:
        """Opens the file; creates it where absent. Read-only changes no byte of it, whatever state it is in."""
    @staticmethod
    def salvage(path: str | PathLike[str]) -> Store:
        """Opens a damaged file, read-only, for the rows that are still whole."""
    @staticmethod
    def in_memory() -> Store: ...
    @staticmethod
    def open_on(disk: FaultyDisk) -> Store: ...
    def get(self, table: str, key: bytes) -> bytes | None: ...
    def scan(
        self, table: str, start: bytes, end: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """At most `limit` rows with start <= key < end, ascending, or from the end if `reverse`."""
    def keys(self, table: str, start: bytes, limit: int) -> list[bytes]:
        """At most `limit` keys from `start` on, without a look at the values: for going through a damaged table."""
    def tables(self) -> list[str]: ...
    def commit(self, puts: list[tuple[str, bytes, bytes]], deletes: list[tuple[str, bytes]]) -> None:
        """All of (table, key, value) and (table, key) in one transaction, durable on return."""
    def check(self, progress: Callable[[int], object] | None = None) -> tuple[int, list[str]]:
        """Reads everything: (rows, what is broken). `progress` gets the number of rows now and then."""
    def close(self) -> None: ...

class FaultyDisk:
    """A file that fails on command, for the simulator and crash tests: pass it to `Store.open_on`."""

    def __init__(self, path: str | PathLike[str]) -> None: ...
    def arm(self, kill_at: int | None = None) -> None:
        """Count operations from zero; kill this process (SIGKILL) in the middle of the k-th."""
    def log_to(self, path: str | PathLike[str]) -> None:
        """Keep the number of completed operations since `arm` (u64, little-endian) in a file."""
    @property
    def operations(self) -> int: ...
    def set_full(self, full: bool) -> None: ...
    def cut_power(self, keep_seed: int | None = None) -> None:
        """Lose what was written since the last sync (a random part of it, given a seed); then fail everything."""
    def cut_power_after(self, operations: int, keep_seed: int | None = None) -> None:
        """The same in the middle of the k-th operation from now."""
    @property
    def has_power(self) -> bool: ...

# ---------------------------------------------------------------- state (crates/python/src/state.rs)

class StagedNodes:
    """Trie nodes that are not committed yet, seen by the calls that they are passed to."""

    def __init__(self) -> None: ...
    def put(self, nodes: Sequence[tuple[bytes, bytes]]) -> None:
        """(keccak256, RLP) of nodes that `state_update` gave; they are kept as long as this object."""

def state_account(
    store: Store, root: bytes, address: bytes, staged: StagedNodes | None = None
) -> tuple[int, int, bytes, bytes] | None:
    """(nonce, balance, storage root, code hash) of an address in a state. StoreCorrupt: a node is absent or broken."""

def state_update(
    store: Store,
    root: bytes,
    changes: list[tuple[bytes, int, int, bytes, bytes]],
    staged: StagedNodes | None = None,
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """New root and new nodes (keccak256, RLP), unwritten; an account without nonce, balance and code is removed."""

def state_check(store: Store, roots: list[bytes]) -> tuple[int, list[str]]:
    """Visits everything reachable from the state roots: (distinct nodes, what is missing or broken)."""

def trie_get(store: Store, root: bytes, key: bytes) -> bytes | None:
    """A value of a plain trie (hash the key yourself for a secure one)."""

def trie_update(
    store: Store, root: bytes, changes: list[tuple[bytes, bytes]]
) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Sets keys of a plain trie in order, an empty value removes; new root and new nodes, unwritten."""

def trie_root(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Root of the plain trie of these pairs."""
