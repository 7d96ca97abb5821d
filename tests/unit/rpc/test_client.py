"""The client against the real server, over a real socket."""

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from quip.rpc.client import MAX_BATCH, RpcClient, RpcRefused, RpcUnreachable
from quip.rpc.errors import CallFailed
from quip.rpc.params import Param, boolean
from quip.rpc.transport import http
from quip.rpc.transport.dispatch import Dispatcher, Method


def refuse() -> None:
    raise CallFailed("no")


METHODS = [Method("echo", [Param("flag", boolean)], lambda flag: flag), Method("refuse", [], refuse)]


@pytest.fixture
async def url() -> AsyncIterator[str]:
    with ThreadPoolExecutor(1) as pool, http.listen(0) as listener:
        running = http.LocalServer(http.application(Dispatcher(METHODS, pool, 100), 1 << 16), listener)
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
    with pytest.raises(RpcUnreachable, match=f"no JSON-RPC at http://127.0.0.1:{port}"):
        await ask(f"http://127.0.0.1:{port}", "echo", True)


@pytest.mark.parametrize("answer", ['{"id":0,"error":"no"}', '{"id":[]}', "[3]", "{}", '"x"'])
def test_an_answer_of_another_kind(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    client = RpcClient("http://127.0.0.1:1")
    monkeypatch.setattr(client._opener, "open", lambda *_, **__: io.BytesIO(answer.encode()))
    with pytest.raises(RpcUnreachable):
        client.call("echo", True)


@pytest.mark.parametrize("address", ["not-a-url", "http://[::1", "", "127.0.0.1:8545"])
def test_what_is_no_url_is_an_error_of_ours(address: str) -> None:
    with pytest.raises(RpcUnreachable):
        RpcClient(address).call("echo", True)
