"""JSON-RPC as a service: the table of methods over the store and the node, on a socket that is open already."""

import asyncio
from functools import partial

from quip.node.core import NodeCore
from quip.node.process.failures import WatchedPool
from quip.node.process.listeners import Listeners, serve
from quip.rpc.errors import RpcError
from quip.rpc.methods.subscriptions import Subscriber
from quip.rpc.methods.table import table
from quip.rpc.transport import http
from quip.rpc.transport.dispatch import Dispatcher
from quip.rpc.view import NodeView, RpcView
from quip.storage.errors import StoreError

RPC_THREADS = 4  # enough for local tools; each may hold one proof's baseline


class RpcService:
    """Answers JSON-RPC calls."""

    def __init__(self, core: NodeCore, node: NodeView, listeners: Listeners) -> None:
        """`node`: what is not in the store."""
        limits = core.config.rpc
        self._pool = WatchedPool(RPC_THREADS, "rpc", core.failures, (RpcError, StoreError))
        view = RpcView(core.rules.spec, core.rules.text, core.rules.puzzle, core.store, node)
        dispatcher = Dispatcher(
            table(view),
            self._pool,
            limits.batch_limit,
            lambda method, outcome: core.metrics.rpc.labels(method, outcome).inc(),
        )
        application = http.application(
            dispatcher, limits.body_limit_bytes, listeners.rpc_access, partial(Subscriber, view)
        )
        self._server = http.LocalServer(application, listeners.rpc, limits.body_limit_bytes)
        self._stopping = view.call_limits.cancel

    @property
    def url(self) -> str:
        """Where it answers."""
        return self._server.url

    async def run(self) -> None:
        """Serve until cancelled; calls that have not begun then are dropped, contracts' code that runs is stopped."""
        try:
            await serve(self._server)
        finally:
            self._stopping.set()
            await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
