"""HTTP around the dispatcher: who may ask, how much, and that nothing is ever a 500."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from quip.rpc.transport import http
from quip.rpc.transport.dispatch import Dispatcher, Method

JSON = {"content-type": "application/json"}
CALL = b'{"jsonrpc":"2.0","id":1,"method":"one"}'
LIMIT = 2048


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    with ThreadPoolExecutor(1) as pool:
        app = http.application(Dispatcher([Method("one", [], lambda: 1)], pool, 10), LIMIT)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8545") as opened:
            yield opened


async def test_a_call(client: httpx.AsyncClient) -> None:
    response = await client.post("/", content=CALL, headers=JSON)
    assert (response.status_code, response.json()["result"]) == (200, 1)
    assert response.headers["content-type"] == "application/json"
    assert "access-control-allow-origin" not in response.headers


async def test_a_notification_has_an_empty_answer(client: httpx.AsyncClient) -> None:
    response = await client.post("/", content=b'{"jsonrpc":"2.0","method":"one"}', headers=JSON)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("GET", {}, b"", 200),
        ("HEAD", {}, b"", 200),
        ("POST", {}, CALL, 415),
        ("POST", {"content-type": "text/plain"}, CALL, 415),
        ("POST", {"content-type": "application/json; charset=utf-8"}, CALL, 200),
        ("POST", {"content-type": "application/json-rpc"}, CALL, 200),
        ("POST", {"content-type": "application/jsonrequest"}, CALL, 200),
        ("POST", {"content-type": "application/jsonp"}, CALL, 415),
        ("GET", {"upgrade": "websocket", "connection": "Upgrade"}, b"", 503),
        ("GET", {"upgrade": "WebSocket", "connection": "keep-alive, upgrade"}, b"", 503),
        ("GET", {"upgrade": "h2c", "connection": "Upgrade"}, b"", 200),
        ("GET", {"upgrade": "websocket", "host": "evil.example"}, b"", 403),
        ("POST", JSON, b"x" * (LIMIT + 1), 413),
        ("POST", JSON, b"x", 200),
        ("OPTIONS", {"origin": "http://evil.example"}, b"", 405),
        ("PUT", JSON, CALL, 405),
        ("POST", {**JSON, "host": "evil.example"}, CALL, 403),
        ("POST", {**JSON, "host": "localhost.evil.example:8545"}, CALL, 403),
        ("POST", {**JSON, "host": "192.168.0.1:8545"}, CALL, 403),
        ("POST", {**JSON, "host": ""}, CALL, 403),
    ],
)
async def test_statuses(
    client: httpx.AsyncClient, method: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    response = await client.request(method, "/", content=body, headers=headers)
    assert response.status_code == status


@pytest.fixture
async def running() -> AsyncIterator[http.LocalServer]:
    with ThreadPoolExecutor(1) as pool, http.listen(0) as listener:
        made = http.LocalServer(http.application(Dispatcher([], pool, 1), LIMIT), listener)
        task = asyncio.create_task(made.run_until_stopped())
        yield made
        made.stop()
        await task


HALF = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"


async def test_half_a_request_gives_its_connection_back(
    running: http.LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_S", 0.1)
    reader, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    writer.write(HALF)
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_an_answer_in_two_writes_does_not_wait_for_an_acknowledgement(running: http.LocalServer) -> None:
    _, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    while not running.server_state.connections:
        await asyncio.sleep(0)
    (accepted,) = running.server_state.connections
    connected = accepted.transport.get_extra_info("socket")
    assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    writer.close()


async def test_a_stop_does_not_wait_for_half_a_request(
    running: http.LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    writer.write(HALF)
    await writer.drain()
    while not running.server_state.tasks:
        await asyncio.sleep(0)
    running.stop()
    while running.server_state.tasks:
        await asyncio.sleep(0)
    assert "Traceback" not in caplog.text
    writer.close()


async def test_a_websocket_is_refused_without_advice(
    running: http.LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
    writer.write(
        b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 10)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"POST" in answer
    assert "install" not in caplog.text
    assert "pgrade" not in caplog.text
    writer.close()
