"""JSON-RPC and subscriptions over real WebSocket connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quip.primitives.address import checksum_address
from quip.rpc.arrivals import Arrivals
from quip.rpc.methods import subscriptions
from quip.rpc.methods.receipt_objects import created_address
from quip.rpc.methods.subscriptions import Subscriber
from quip.rpc.transport import acceptor, http, server, socket_connection
from quip.rpc.transport.access import LOOPBACK_ONLY, Access
from quip.rpc.transport.dispatch import Dispatcher
from quip.rpc.view import NetworkView, PoolView
from quip.storage.errors import StoreError
from support.rpc_calls import EMITTER, RpcChain, emitter_call
from support.transactions import address, recovered, signed

DEADLINE_S = 30
LIMIT = 1 << 16
TOKEN = b"secret"
CONTRACT = checksum_address(created_address(address(0), 0))
EMIT = {"to": CONTRACT, "gas": 100_000, "value": 0}
Opened = Callable[..., Any]


@contextlib.asynccontextmanager
async def serving(made: RpcChain, access: Access = LOOPBACK_ONLY) -> AsyncIterator[http.LocalServer]:
    with ThreadPoolExecutor(2) as pool, http.listen(0) as listener:
        dispatcher = Dispatcher(list(made.methods.values()), pool, 10)
        app = http.application(dispatcher, LIMIT, access, partial(Subscriber, made.view))
        running = http.LocalServer(app, listener, LIMIT)
        task = asyncio.create_task(running.run_until_stopped())
        try:
            yield running
        finally:
            running.stop()
            await task


def url(running: http.LocalServer) -> str:
    return running.url.replace("http://", "ws://")


@contextlib.asynccontextmanager
async def talking(made: RpcChain, **options: Any) -> AsyncIterator[ClientConnection]:
    async with serving(made) as running, connect(url(running), **options) as client:
        yield client


async def receive(client: ClientConnection) -> Any:
    async with asyncio.timeout(DEADLINE_S):
        return json.loads(await client.recv())


async def ask(client: ClientConnection, method: str, *params: Any) -> Any:
    """The response; notifications must not come before it."""
    await client.send(json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}))
    answer = await receive(client)
    assert answer["id"] == 7
    return answer.get("result", answer.get("error"))


async def told(client: ClientConnection, identity: str) -> Any:
    message = await receive(client)
    assert (message["method"], message["params"]["subscription"]) == ("eth_subscription", identity)
    return message["params"]["result"]


async def test_calls_batches_and_nonsense() -> None:
    async with talking(RpcChain()) as client:
        assert await ask(client, "eth_blockNumber") == "0x0"
        await client.send(b'[{"jsonrpc":"2.0","id":1,"method":"net_version"},{"jsonrpc":"2.0","method":"net_version"}]')
        (answer,) = await receive(client)
        assert answer["id"] == 1
        await client.send('{"jsonrpc":"2.0","method":"eth_blockNumber"}')  # a notification has no answer
        await client.send("{")
        assert (await receive(client))["error"] == {"code": -32700, "message": "parse error"}
        assert (await ask(client, "eth_nothing"))["code"] == -32601


async def test_the_log_of_requests_has_a_line_a_connection() -> None:
    made = RpcChain()
    with capture_logs() as lines:
        async with serving(made) as running:
            async with connect(url(running)) as client:
                identity = await ask(client, "eth_subscribe", "newHeads")
                made.mine()
                await told(client, identity)
            async with asyncio.timeout(DEADLINE_S):
                while not any(line["event"] == "rpc socket" for line in lines):
                    await asyncio.sleep(0)
    (line,) = [line for line in lines if line["event"] == "rpc socket"]
    assert (line["client"], line["messages"], line["notifications"]) == ("127.0.0.1", 1, 1)


async def test_new_heads() -> None:
    made = RpcChain()
    async with talking(made) as client:
        identity = await ask(client, "eth_subscribe", "newHeads")
        blocks = [made.mine() for _ in range(3)]
        for block in blocks:
            head = await told(client, identity)
            assert head["hash"] == "0x" + block.header.hash.hex()
            assert head == made.call("eth_getHeaderByHash", head["hash"])
        assert await ask(client, "eth_unsubscribe", identity) is True
        made.mine()
        assert await ask(client, "eth_blockNumber") == "0x4"  # and nothing before it
        assert await ask(client, "eth_unsubscribe", identity) == {"code": -32000, "message": "subscription not found"}


async def test_logs_across_a_reorganisation() -> None:
    made = RpcChain()
    made.mine(signed(0, 0, {"to": None, "data": EMITTER.hex(), "gas": 200_000}))
    base = made.head
    async with talking(made) as client:
        wanted = {"address": CONTRACT, "topics": ["0x" + "00" * 31 + "01"]}
        identity = await ask(client, "eth_subscribe", "logs", wanted)
        made.branch(base, [[signed(1, n, {**EMIT, "data": emitter_call(1, 2, n)})] for n in range(3)])
        before = [await told(client, identity) for _ in range(3)]
        assert [int(log["data"], 16) for log in before] == [0, 1, 2]
        made.branch(base, [[signed(2, n, {**EMIT, "data": emitter_call(1 + n % 2, 2, 10 + n)})] for n in range(4)])
        assert [await told(client, identity) for _ in range(3)] == [{**log, "removed": True} for log in before[::-1]]
        after = [await told(client, identity) for _ in range(2)]
        assert [(int(log["data"], 16), log["removed"]) for log in after] == [(10, False), (12, False)]


async def test_transactions_that_become_executable() -> None:
    arrivals = Arrivals()
    made = RpcChain(PoolView(arrivals=arrivals))
    async with talking(made) as client:
        hashes = await ask(client, "eth_subscribe", "newPendingTransactions")
        arrivals.add(recovered(signed(0, 0)))
        (one,) = recovered(signed(0, 0))
        assert await told(client, hashes) == "0x" + one.hash.hex()
        await ask(client, "eth_unsubscribe", hashes)
        whole = await ask(client, "eth_subscribe", "newPendingTransactions", True)
        arrivals.add(recovered(signed(0, 1)))
        assert (await told(client, whole))["nonce"] == "0x1"


async def test_a_sync_begins_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "SYNC_POLL_S", 0.01)
    progress: list[dict[str, Any] | None] = [None]
    made = RpcChain(network=NetworkView(syncing=lambda: progress[0]))
    async with talking(made) as client:
        identity = await ask(client, "eth_subscribe", "syncing")
        progress[0] = {"startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0x2"}
        assert await told(client, identity) == {"syncing": True, "status": progress[0]}
        progress[0] = None
        assert await told(client, identity) is False


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        (["nothing"], -32601, 'no "nothing" subscription in eth namespace'),
        ([], -32602, "missing value for required argument 0"),
        ([1], -32602, "invalid argument 0: json: cannot unmarshal number into Go value of type string"),
        (["logs", {"address": 1}], -32602, "invalid argument 1: invalid addresses in query"),
        (["newPendingTransactions", "x"], -32602, "cannot unmarshal string into Go value of type bool"),
    ],
)
async def test_subscriptions_that_cannot_be(params: list[Any], code: int, message: str) -> None:
    async with talking(RpcChain()) as client:
        error = await ask(client, "eth_subscribe", *params)
        assert error["code"] == code
        assert message in error["message"]


async def test_one_connection_has_so_many_subscriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_WEIGHT", 25)
    async with talking(RpcChain()) as client:
        first = await ask(client, "eth_subscribe", "newHeads")
        await ask(client, "eth_subscribe", "newHeads")
        assert (await ask(client, "eth_subscribe", "newHeads"))["code"] == -32005
        await ask(client, "eth_unsubscribe", first)
        assert (await ask(client, "eth_subscribe", "newHeads"))[:2] == "0x"


async def test_over_http_nothing_is_subscribed_to() -> None:
    made = RpcChain()
    for name, arguments in (("eth_subscribe", ["newHeads"]), ("eth_unsubscribe", ["0x1"])):
        with pytest.raises(Exception, match="notifications not supported") as caught:
            made.call(name, *arguments)
        assert caught.value.code == -32601  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Authorization": "Bearer wrong"}, 401),
    ],
)
async def test_who_may_not_open_one(headers: dict[str, str], status: int) -> None:
    access = Access.of((), ("https://wallet.example.org",), TOKEN)
    async with serving(RpcChain(), access) as running:
        plain = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
        sent = {"Host": "localhost", "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}  # fmt: skip
        plain[1].write(b"GET / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in sent.items()).encode() + b"\r\n")
        async with asyncio.timeout(DEADLINE_S):
            assert (await plain[0].readline()).split()[1] == str(status).encode()
        plain[1].close()


async def test_a_page_of_a_listed_origin_may_but_is_no_admin() -> None:
    access = Access.of((), ("https://wallet.example.org",), TOKEN)
    async with serving(RpcChain(), access) as running:
        async with connect(url(running), origin="https://wallet.example.org") as page:  # type: ignore[arg-type]
            assert await ask(page, "eth_blockNumber") == "0x0"
            assert (await ask(page, "quip_getPeers"))["code"] == -32601
        async with connect(url(running)) as local:
            assert await ask(local, "quip_getPeers") == []


async def test_half_of_the_connections_may_be_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "MAX_CONNECTIONS", 4)
    async with serving(RpcChain()) as running:
        async with connect(url(running)) as first, connect(url(running)) as second:
            with pytest.raises(InvalidStatus) as caught:
                await connect(url(running))
            assert caught.value.response.status_code == 503
            assert await ask(first, "eth_blockNumber") == await ask(second, "eth_blockNumber") == "0x0"
        async with asyncio.timeout(DEADLINE_S):
            while running._sockets.open:
                await asyncio.sleep(0)
        async with connect(url(running)) as third:
            assert await ask(third, "eth_blockNumber") == "0x0"


async def test_a_message_that_is_too_long_ends_the_connection() -> None:
    async with talking(RpcChain()) as client:
        await client.send("x" * (LIMIT + 1))
        with pytest.raises(ConnectionClosed) as caught:
            await receive(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


async def test_who_does_not_take_what_comes_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_connection, "WAIT_S", 0.2)
    made = RpcChain()
    async with serving(made) as running:
        _, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"), limit=1)
        writer.write(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        call = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["0x0", True]}] * 10)
        masked = b"\x81\xfe" + len(call).to_bytes(2, "big") + bytes(4) + call.encode()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(DEADLINE_S):
                for _ in range(5_000):  # of 17 kB of answer each, of which none is read
                    writer.write(masked)
                    await writer.drain()
        async with asyncio.timeout(DEADLINE_S):
            while running._sockets.open:
                await asyncio.sleep(0)
        writer.transport.abort()
        assert made.view.head_header().number == 0


async def test_who_does_not_answer_a_ping_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PING_S", 0.1)
    async with serving(RpcChain()) as running:
        reader, writer = await asyncio.open_connection(*running.url.removeprefix("http://").split(":"))
        writer.write(
            b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with asyncio.timeout(DEADLINE_S):
            assert (await reader.read()).startswith(b"HTTP/1.1 101")  # all that came before the server closed
        writer.close()


async def test_a_store_that_fails_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    made = RpcChain()
    async with talking(made) as client:
        await ask(client, "eth_subscribe", "newHeads")

        def fail(_self: Subscriber) -> None:
            raise StoreError("gone")

        monkeypatch.setattr(Subscriber, "read", fail)
        made.mine()
        with pytest.raises(ConnectionClosed) as caught:
            while True:  # a look that had begun before still gives the new head
                await receive(client)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
