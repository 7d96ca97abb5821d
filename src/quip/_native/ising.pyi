"""The puzzle's kernel (crates/ising)."""

class CancelFlag:
    """Stops a run from another thread: polled at least every 10 ms."""
    def __init__(self) -> None: ...
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...

class Graph:
    """n spins (at most 2^16, degree at most 24), couplers (u32le pairs u < v, ascending), visiting order (u32le)."""
    def __init__(self, n: int, couplers: bytes, order: bytes) -> None: ...
    @property
    def n(self) -> int: ...
    @property
    def max_degree(self) -> int: ...

class Schedule:
    """Integer cutoffs rows[sweep][k] in 1/65536: 65536 at k = 0, never rising with k, 0 beyond a row's end."""
    def __init__(self, rows: list[list[int]]) -> None: ...
    @property
    def sweeps(self) -> int: ...

class Model:
    """E(s) = sum h_i s_i + sum J_uv s_u s_v. All methods release the GIL. ValueError on bad arguments."""
    @staticmethod
    def from_seed(graph: Graph, seed: bytes, ternary: bool) -> Model: ...
    @staticmethod
    def from_couplings(graph: Graph, couplings: list[int], fields: list[int]) -> Model: ...
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
    def baseline(self, schedule: Schedule, cancel: CancelFlag | None = None, path: str | None = None) -> Samples | None:
        """The consensus baseline's final replicas; None: cancelled."""
    def anneal(
        self, schedule: Schedule, seed: int, cancel: CancelFlag | None = None, path: str | None = None
    ) -> Samples | None:
        """512 replicas from a counter-based start and draws; None: cancelled. Equal seeds (u64) give equal bits."""

class Samples:
    """Final configurations and energies of a run's 512 replicas."""
    @property
    def energies(self) -> list[int]: ...
    @property
    def total(self) -> int: ...
    @property
    def best(self) -> int: ...
    def replica(self, replica: int, fold: bool = False) -> bytes: ...
    def diverse(
        self, max_energy: int, count: int, min_distance: int, fold: bool, cancel: CancelFlag | None = None
    ) -> tuple[int, list[bytes]] | None:
        """Least energy bound under which `count` replicas lie `min_distance` apart, with them, ascending.

        None: there are none, or cancelled.
        """

class Families:
    """Good, far-apart configurations ("elites") of one instance, refined together; the state of one attempt.

    512 replicas and at most 64 elites. Equal seeds (u64) and calls give equal bits on every path. One thread at a time;
    methods release the GIL and raise ValueError on bad arguments. docs/mining.md has the algorithm and its draws.
    """

    def __init__(self, model: Model, min_distance: int, fold: bool, seed: int, path: str | None = None) -> None: ...
    def load(self, samples: Samples) -> None:
        """The replicas become those of a run."""
    def load_packed(self, configurations: list[bytes], cancel: CancelFlag | None = None) -> bool:
        """The replicas become these 1 to 512 configurations, repeated until all are filled. False: cancelled."""
    def recruit(self, keep: int, most: int, slack: int, cancel: CancelFlag | None = None) -> int | None:
        """Sort the elites, keep the best `keep`, add the best replicas at least `slack` from all, up to `most`.

        The number of elites then. None: cancelled, and they are as before.
        """
    def spread(self, noise: int, parents: int = 0, cancel: CancelFlag | None = None) -> bool:
        """Replicas become copies of the first `parents` elites (0: all); each spin flips at probability noise/256.

        False: cancelled, and they are as before.
        """
    def anneal(self, schedule: Schedule, cancel: CancelFlag | None = None) -> bool:
        """Anneal the replicas from where they are. False: cancelled."""
    def cross(self, near: int, cancel: CancelFlag | None = None) -> bool:
        """Each elite takes components of its replicas that lower its energy. False: cancelled on the way.

        No pair of elites comes nearer than `min_distance`. Components of zero cost must not bring elites that are
        nearer than `near` nearer.
        """
    @property
    def energies(self) -> list[int]:
        """Of the elites, in their order."""
    def elites(self, fold: bool = False) -> list[tuple[int, bytes]]:
        """Energy and packed configuration of each; with `fold`, of the flip that has s_0 = +1."""
    def replicas(self, fold: bool = False) -> list[bytes]:
        """The packed configurations of the replicas."""

def seed(sealing_hash: bytes, nonce: bytes) -> bytes: ...
def gate_open(seed: bytes, bits: int) -> bool: ...
def search_gate(sealing_hash: bytes, start: int, limit: int, bits: int) -> tuple[int, bytes] | None: ...
def stream(seed: bytes, offset: int, length: int) -> bytes: ...
def minimum_distance(solutions: list[bytes], n: int, fold: bool) -> int: ...
def choose(
    solutions: list[bytes], n: int, fold: bool, count: int, min_distance: int, cancel: CancelFlag | None = None
) -> list[int] | None: ...
def paths() -> list[str]: ...
