"""Accepts TCP connections, never holding more than a limit, and never dead for want of descriptors.

asyncio's own loop accepts without a bound, and at EMFILE logs a traceback for every connection that waits. Here, where
the limit is reached, an idle connection makes room: of those that never sent a request the oldest, so that a program
that only connects costs those that ask nothing; only where there is none, the one that asked longest ago. Where all are
busy, or the process has no descriptor left, accepting pauses until one closes (RETRY_S at most) and one line a minute
says so. Whoever waits then stays in the kernel's backlog.

What this file does not do: it reads no byte; a connection says itself whether it is idle.
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Sequence

import structlog

from quip.rpc.transport.connection import Connection
from quip.rpc.transport.log_limit import RepeatLimit

MAX_CONNECTIONS = 256  # of one server: a local program that has run wild gets no more
DESCRIPTOR_SHARE = 4  # nor more than a quarter of the process's descriptors: two servers leave half for all else
ACCEPTED_AT_ONCE = 32  # then others on the event loop have their turn
EVICTED_FOR_DESCRIPTORS = 8  # at EMFILE: some for this server, some for the store and the logs
RETRY_S = 1.0
GRACE_S = 0.05  # so long, whoever has just connected is not evicted: its request is on the way

log = structlog.get_logger("quip.rpc")


def connection_limit() -> int:
    """How many connections one server may hold in this process."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(1, min(MAX_CONNECTIONS, descriptors // DESCRIPTOR_SHARE))


class Acceptor:
    """The listening sockets of one server, and the connections that came by them."""

    def __init__(self, listeners: Sequence[socket.socket], welcome: Callable[[], Connection]) -> None:
        """`welcome` makes the protocol of one connection; it has to call `gone` when that is lost."""
        self._listeners = listeners
        self._welcome = welcome
        self._limit = connection_limit()
        self._held: set[Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._listens = False
        self._lines = RepeatLimit()

    def open(self) -> None:
        """Begin to accept."""
        self._listens = True
        self._watch()

    def close(self) -> None:
        """Accept no more; connections stay."""
        self._listens = False
        self._unwatch()

    def gone(self, connection: Connection) -> None:
        """A connection is lost: there is room again."""
        self._held.discard(connection)
        if self._retry is not None:
            self._watch()

    def _watch(self) -> None:
        self._unwatch()
        if self._listens:
            for listener in self._listeners:
                listener.setblocking(False)
                asyncio.get_running_loop().add_reader(listener, self._ready, listener)

    def _unwatch(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)

    def _pause(self, seconds: float) -> None:
        self._unwatch()
        self._retry = asyncio.get_running_loop().call_later(seconds, self._watch)

    def _ready(self, listener: socket.socket) -> None:
        if len(self._held) >= self._limit:
            self._make_room()
        for _ in range(ACCEPTED_AT_ONCE):
            if len(self._held) >= self._limit:
                return  # if somebody else waits, the loop calls again, and the evicted one is closed by then
            try:
                accepted, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # EMFILE and its kind: the listener would stay readable
                self._pause(RETRY_S)
                for connection in self._evictable()[:EVICTED_FOR_DESCRIPTORS]:
                    connection.evict()
                self._say("cannot accept a connection", reason=error.strerror)
                return
            self._admit(accepted)

    def _admit(self, accepted: socket.socket) -> None:
        # An answer goes out as two writes: with Nagle, the second would wait 40 ms for the delayed acknowledgement of
        # the first. asyncio sets this only where the listener was made with the protocol's number.
        with contextlib.suppress(OSError):  # it is closed already
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.setblocking(False)
        connection = self._welcome()
        self._held.add(connection)
        task = asyncio.get_running_loop().create_task(self._connect(connection, accepted))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: Connection, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            self.gone(connection)

    def _make_room(self) -> None:
        evictable = self._evictable()
        if evictable:
            evictable[0].evict()
        elif any(connection.idle_since() for connection in self._held):
            self._pause(GRACE_S)
        else:
            self._pause(RETRY_S)
            self._say("every connection is busy", limit=self._limit)

    def _evictable(self) -> list[Connection]:
        """Idle connections, the first to go first; those that have asked only where nobody else is idle."""
        idle = [(since, connection) for connection in self._held if (since := connection.idle_since()) is not None]
        never_asked = [entry for entry in idle if not entry[0][0]]
        if never_asked:
            end = asyncio.get_running_loop().time() - GRACE_S
            idle = [entry for entry in never_asked if entry[0][1] <= end]
        return [connection for _, connection in sorted(idle, key=lambda entry: entry[0])]

    def _say(self, what: str, **values: object) -> None:
        left_out = self._lines.admit(what)
        if left_out is not None:
            hint = "a program holds connections open: ss -tnp shows which; ulimit -n shows the limit of descriptors"
            log.warning(what, connections=len(self._held), **values, hint=hint)
