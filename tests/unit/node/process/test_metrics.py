"""The metrics page: figures for a local Prometheus, nothing for a web page."""

import httpx
import pytest

from quip.node.process import metrics
from quip.rpc.transport.access import Access


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:9100", 200), ("127.0.0.1", 200), ("evil.example", 403), ("prometheus.lan", 200)]
)
async def test_who_may_read(host: str, status: int) -> None:
    counts = metrics.Metrics("0", "test")
    app = metrics.application(counts, lambda: counts.mining.set(1), Access.of(["prometheus.lan"]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        response = await client.get("/metrics", headers={"host": host})
    assert response.status_code == status
    assert ("quip_mining 1.0" in response.text) == (status == 200)
