"""Answers to peers' questions about the chain, in a thread of its own. Connections take turns, so none starves another.

One instance belongs to one event loop; everything but the reading itself happens there.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from quip.net.actions import Answer
from quip.net.chain_server import ChainServer
from quip.net.events import Answered
from quip.net.wire.messages import Encoded
from quip.node.network.fair_queue import FairQueue
from quip.node.network.limited_log import LimitedLog
from quip.node.process.failures import Failures, WatchedPool
from quip.storage.errors import StoreError


class ServingPool:
    """Takes Answer, gives Answered to `report` on the loop. `close` at the end."""

    def __init__(
        self, server: ChainServer, report: Callable[[Answered], None], failures: Failures | None = None
    ) -> None:
        self._server = server
        self._report = report
        self._log = LimitedLog()
        self._loop = asyncio.get_running_loop()
        self._thread = WatchedPool(1, "reading", failures or Failures(), (StoreError,))
        self._busy = False
        self._waiting: FairQueue[Answer] = FairQueue()
        """Of each connection at most as many as its session has requests open."""

    def submit(self, question: Answer) -> None:
        """Answer this some time soon."""
        self._waiting.put(question.connection, question)
        self._start()

    def holds(self, connection: int) -> bool:
        """True while something of that connection waits here."""
        return self._waiting.holds(connection)

    def forget(self, connection: int) -> None:
        """Nobody is there any more to hear the answers."""
        self._waiting.forget(connection)

    def close(self) -> None:
        """Drop what has not begun, and wait for the rest."""
        self._waiting.clear()
        self._thread.shutdown(cancel_futures=True)

    def _start(self) -> None:
        if self._busy or not self._waiting:
            return
        question = self._waiting.take()
        self._busy = True
        done = self._thread.submit(self._server.answer, question.request)
        done.add_done_callback(lambda found: self._tell(question, found))

    def _tell(self, question: Answer, found: "Future[Encoded]") -> None:
        if not found.cancelled() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish, question, found)

    def _finish(self, question: Answer, found: "Future[Encoded]") -> None:
        self._busy = False
        failure = found.exception()
        if failure is None:
            self._report(Answered(question.connection, question.stream, found.result()))
        else:
            hint = {"hint": "stop the node and run: quip db check"} if isinstance(failure, StoreError) else {}
            trace = None if hint else failure
            self._log.write("error", "cannot answer a peer", reason=str(failure), exc_info=trace, **hint)
            self._report(Answered(question.connection, question.stream, None))
        self._start()
