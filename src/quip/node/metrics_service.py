"""Prometheus metrics as a service, on a socket that is open already."""

from collections.abc import Callable

import structlog

from quip.node.process import metrics
from quip.node.process.listeners import serve
from quip.rpc.transport import http

log = structlog.get_logger("quip.node")


class MetricsService:
    """Serves /metrics."""

    def __init__(
        self, figures: metrics.Metrics, measure: Callable[[], None], listener: http.Listener, access: http.Access
    ) -> None:
        """`measure` sets the figures that are not counted as they happen; called before each answer."""
        self._server = http.LocalServer(metrics.application(figures, measure, access), listener)

    async def run(self) -> None:
        """Serve until cancelled."""
        log.info("metrics", url=self._server.url + "/metrics")
        await serve(self._server)
