"""An HTTP server inside the node's event loop: uvicorn, with its own way to accept connections."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from quip.rpc.transport.acceptor import MAX_CONNECTIONS, Acceptor, connection_limit
from quip.rpc.transport.connection import WAIT_S, Connection
from quip.rpc.transport.log_limit import limited_libraries
from quip.rpc.transport.socket_connection import SocketCount
from quip.rpc.transport.sockets import Listener

PING_S = 30.0  # a WebSocket that says nothing is asked whether it is there, and has as long to answer
SOCKET_SHARE = 2  # half of the connections may be WebSockets, which stay: others have to be answered, too
CLOSE_S = 1  # a stop waits so long for answers under way


class LocalServer(uvicorn.Server):
    """A uvicorn server inside our event loop: signals are the node's business."""

    def __init__(self, app: ASGIApp, listener: Listener, message_limit_bytes: int = 0) -> None:
        """`message_limit_bytes`: of a WebSocket's message; 0: there are no WebSockets."""
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                http=Connection,
                ws="none",  # not uvicorn's choice of a library: Connection goes on with ours
                ws_max_size=message_limit_bytes,
                ws_ping_interval=PING_S,
                ws_ping_timeout=PING_S,
                ws_per_message_deflate=False,  # who asks on a local network gains nothing by it
                server_header=False,
                proxy_headers=False,  # else an environment variable decides whom to believe the client's address
                limit_concurrency=MAX_CONNECTIONS + 1,  # answers whose clients are gone count too
                timeout_keep_alive=int(WAIT_S),
                timeout_graceful_shutdown=CLOSE_S,
            )
        )
        self._listener = listener
        self._url = listener.url
        self._acceptor = Acceptor(listener.sockets, self._welcome)
        self._sockets = SocketCount(connection_limit() // SOCKET_SHARE if message_limit_bytes else 0)

    @property
    def url(self) -> str:
        """Where programs of this machine find it."""
        return self._url

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signal handlers alone."""
        yield

    async def run_until_stopped(self) -> None:
        """Serve until `stop`."""
        with limited_libraries():
            await self.serve(sockets=list(self._listener.sockets))

    def stop(self) -> None:
        """Finish what is under way and return from `run_until_stopped`."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's step before its main loop: accept by our own rules."""
        self.servers = []
        self._acceptor.open()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's step after it."""
        self._acceptor.close()
        await super().shutdown(sockets)

    def _welcome(self) -> Connection:
        return Connection(self.config, self.server_state, self._acceptor.gone, self._sockets)
