"""UDP relays in front of nodes, so that the link between them can be cut.

They forward datagrams unread, so QUIC runs end to end; while the link is cut every datagram in either direction is
lost, as behind a dead line: neither node is told. Every node has a relay of its own, whose port it announces as its
public one: nodes that learn of each other dial the relays, not each other.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Sequence

from quip.localnet.plan import LOOPBACK

CLIENTS = 16
"""Sources that are remembered; a node uses one, and has another after a restart."""
MAX_DATAGRAM = 65_535
WAKE_S = 0.2


class UdpRelay(threading.Thread):
    """Listens on `port` of loopback and forwards to another one, each client from a socket of its own."""

    def __init__(self, target_port: int, cut: threading.Event | None = None) -> None:
        """`cut`: set while the link is cut; relays may share it."""
        super().__init__(name="relay", daemon=True)
        self._target = (LOOPBACK, target_port)
        self._front = _bound()
        self.port: int = self._front.getsockname()[1]
        self._backs: dict[tuple[str, int], socket.socket] = {}
        self._sources: dict[socket.socket, tuple[str, int]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ)
        self._cut = cut or threading.Event()
        self._closing = threading.Event()
        self.lost = 0
        """Datagrams dropped."""

    def __enter__(self) -> UdpRelay:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self.join()
        for one in (self._front, *self._sources):
            one.close()
        self._selector.close()

    def run(self) -> None:
        """Forward until closed."""
        while not self._closing.is_set():
            for key, _ in self._selector.select(WAKE_S):
                self._forward(key.fileobj)

    def _forward(self, source: object) -> None:
        assert isinstance(source, socket.socket)
        with contextlib.suppress(OSError):  # the target does not run: as if the datagram were lost
            data, address = source.recvfrom(MAX_DATAGRAM)
            if self._cut.is_set():
                self.lost += 1
            elif source is self._front:
                self._back(address).sendto(data, self._target)
            elif address == self._target:
                self._front.sendto(data, self._sources[source])

    def _back(self, client: tuple[str, int]) -> socket.socket:
        """The socket from which the target hears a client."""
        back = self._backs.get(client)
        if back is None:
            if len(self._backs) >= CLIENTS:
                self._forget(next(iter(self._backs)))
            back = self._backs[client] = _bound()
            self._sources[back] = client
            self._selector.register(back, selectors.EVENT_READ)
        return back

    def _forget(self, client: tuple[str, int]) -> None:
        back = self._backs.pop(client)
        del self._sources[back]
        self._selector.unregister(back)
        back.close()


class Link:
    """All relays of a network: cut together, mended together."""

    def __init__(self, ports: Sequence[int]) -> None:
        """`ports`: where the nodes listen."""
        self._cut = threading.Event()
        self._stack = contextlib.ExitStack()
        self.relays = [UdpRelay(port, self._cut) for port in ports]

    def __enter__(self) -> Link:
        for relay in self.relays:
            self._stack.enter_context(relay)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def is_cut(self) -> bool:
        """True while nothing passes."""
        return self._cut.is_set()

    @property
    def lost(self) -> int:
        """Datagrams dropped."""
        return sum(relay.lost for relay in self.relays)

    def cut(self) -> None:
        """From now on nothing passes."""
        self._cut.set()

    def mend(self) -> None:
        """From now on everything passes."""
        self._cut.clear()


def _bound() -> socket.socket:
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.bind((LOOPBACK, 0))
    found.setblocking(False)
    return found
