"""An outside kernel to measure beside ours: PROTOTYPE=DIRECTORY holds anneal.cpp with the C function `anneal`."""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quip.ising.topology import Topology


class Prototype:
    """The kernel on one instance, in its own best visiting order."""

    def __init__(self, library: ctypes.CDLL, topology: Topology, couplings: list[int], m: int, t: int) -> None:
        self._library = library
        self.n = topology.n

        def tile(index: int) -> tuple[int, ...]:
            rest, z = divmod(index, m)
            rest, j = divmod(rest, 2)
            rest, k = divmod(rest, t)
            u, w = divmod(rest, 2 * m + 1)
            return u, w, z, j, k

        place = {v: i for i, v in enumerate(sorted(range(topology.n), key=tile))}
        pairs = np.array([(place[u], place[v]) for u, v in topology.couplers], np.int32)
        signs = np.array(couplings, np.int8)
        source, target = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
        order = np.lexsort((target, source))
        self._pairs, self._signs = pairs, signs
        self._degree = np.bincount(source, minlength=self.n).astype(np.int32)
        self._start = np.zeros(self.n + 1, np.int32)
        np.cumsum(self._degree, out=self._start[1:])
        self._neighbours = target[order].astype(np.int32)
        self._couplings = np.ascontiguousarray(np.r_[signs, signs][order])
        self._out = np.zeros((self.n, 8), np.uint64)

    def anneal(self, sweeps: int) -> tuple[float, NDArray[np.int64]]:
        """512 replicas: the sweeps' seconds by the kernel's own clock, and the energies."""
        seconds = ctypes.c_double()

        def pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
            return array.ctypes.data_as(ctypes.c_void_p)

        self._library.anneal(
            self.n, pointer(self._start), pointer(self._neighbours), pointer(self._couplings), pointer(self._degree),
            sweeps, ctypes.c_double(0.1), ctypes.c_double(3.0), ctypes.c_uint64(1), pointer(self._out),
            ctypes.byref(seconds),
        )  # fmt: skip
        bits = np.unpackbits(self._out.view(np.uint8), axis=1, bitorder="little").astype(np.int8)
        spins = (bits * 2 - 1).T
        products = spins[:, self._pairs[:, 0]] * spins[:, self._pairs[:, 1]] * self._signs
        return seconds.value, products.sum(1, dtype=np.int64)


def load() -> ctypes.CDLL | None:
    """The kernel of $PROTOTYPE, compiled; None without it. Raises CalledProcessError if it does not compile."""
    folder = os.environ.get("PROTOTYPE", "")
    source = Path(folder) / "anneal.cpp"
    if not folder or not source.is_file():
        return None
    target = Path(tempfile.mkdtemp()) / "libanneal.so"
    command = ["g++", "-O3", "-march=native", "-shared", "-fPIC", "-o", str(target), str(source)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))
