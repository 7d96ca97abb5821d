"""The client against the real server, over a real socket."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from quip.rpc.client import MAX_BATCH, RpcClient, RpcRefused, RpcUnreachable, TokenRefused
from quip.rpc.errors import CallFailed
from quip.rpc.params import Param, boolean
from quip.rpc.transport import http
from quip.rpc.transport.dispatch import Dispatcher, Method


def refuse() -> None:
    raise CallFailed("no")


METHODS = [
    Method("echo", [Param("flag", boolean)], lambda flag: flag),
    Method("refuse", [], refuse),
]
TOKEN = b"a" * 32


@pytest.fixture
async def url() -> AsyncIterator[str]:
    access = http.Access.of((), (), TOKEN)
    with ThreadPoolExecutor(1) as pool, http.listen(0) as listener:
        running = http.LocalServer(http.application(Dispatcher(METHODS, pool, 100), 1 << 16, access), listener)
        task = asyncio.create_task(running.run_until_stopped())
        yield running.url
        running.stop()
        await task


async def ask(url: str, method: str, *params: Any) -> Any:
    return await asyncio.to_thread(RpcClient(url).call, method, *params)


async def test_a_call_and_a_long_batch(url: str) -> None:
    assert await ask(url, "echo", True) is True
    flags = [number % 3 == 0 for number in range(2 * MAX_BATCH + 1)]
    assert await asyncio.to_thread(RpcClient(url).batch, [("echo", (flag,)) for flag in flags]) == flags


async def test_errors_of_the_server_are_raised(url: str) -> None:
    with pytest.raises(RpcRefused, match="refuse: no"):
        await ask(url, "refuse")
    with pytest.raises(RpcRefused, match="does not exist"):
        await ask(url, "nope")


async def test_an_address_without_a_server_is_named() -> None:
    with http.listen(0) as listener:
        port = listener.port
    with pytest.raises(RpcUnreachable, match=f"^no JSON-RPC at http://127.0.0.1:{port}: Connection refused$"):
        await ask(f"http://127.0.0.1:{port}", "echo", True)


@pytest.mark.parametrize("answer", ['{"id":0,"error":"no"}', '{"id":[]}', "[3]", "{}", '"x"', "<html>"])
def test_an_answer_of_another_kind(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    client = RpcClient("http://127.0.0.1:1")
    monkeypatch.setattr(client._opener, "open", lambda *_, **__: io.BytesIO(answer.encode()))
    with pytest.raises(RpcUnreachable, match=r"another kind|no answer"):
        client.call("echo", True)


@pytest.mark.parametrize("address", ["not-a-url", "http://[::1", "", "127.0.0.1:8545"])
def test_what_is_no_url_is_an_error_of_ours(address: str) -> None:
    with pytest.raises(RpcUnreachable):
        RpcClient(address).call("echo", True)


async def test_the_token_is_sent_and_a_wrong_one_is_said(url: str) -> None:
    assert await asyncio.to_thread(RpcClient(url, token=TOKEN).call, "echo", True) is True
    with pytest.raises(TokenRefused, match="does not take this token"):
        await asyncio.to_thread(RpcClient(url, token=b"b" * 32).call, "echo", True)


def test_a_call_follows_no_redirection() -> None:
    """Whoever answers at the address must not have the token sent elsewhere."""
    asked: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("location", "/stolen")
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(RpcUnreachable, match="Found"):
                RpcClient(f"http://127.0.0.1:{server.server_port}", token=TOKEN).call("echo", True)
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["/"]
