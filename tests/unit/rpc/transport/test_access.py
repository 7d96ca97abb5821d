"""Who may call: Host names, web pages of other origins, admin methods."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from quip.rpc.transport import http
from quip.rpc.transport.access import Access, names_loopback
from quip.rpc.transport.dispatch import Dispatcher, Method

JSON = {"content-type": "application/json"}
PAGE = "https://wallet.example"
TOKEN = "t" * 32
ASKS = {"origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
METHODS = [Method("open", [], lambda: 1), Method("secret", [], lambda: 2, admin=True)]


@asynccontextmanager
async def asking(access: Access, client: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A client that connects from an address."""
    with ThreadPoolExecutor(1) as pool:
        app = http.application(Dispatcher(METHODS, pool, 10), 2048, access)
        transport = httpx.ASGITransport(app, client=(client, 5))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8545") as opened:
            yield opened


async def post(client: httpx.AsyncClient, method: str = "open", **headers: str) -> httpx.Response:
    call = f'{{"jsonrpc":"2.0","id":1,"method":"{method}"}}'
    return await client.post("/", content=call, headers={**JSON, **headers})


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("localhost", True),
        ("LOCALHOST:8545", True),
        ("127.0.0.1:1", True),
        ("127.9.9.9", True),
        ("[::1]:8545", True),
        ("0.0.0.0", False),
        ("[::2]", False),
        ("8.8.8.8", False),
        ("localhost.", False),
        ("", False),
    ],
)
def test_loopback_names(header: str, wanted: bool) -> None:
    assert names_loopback(header) is wanted
    assert Access().admits_host(header) is wanted


@pytest.mark.parametrize(
    ("hosts", "header", "status"),
    [
        (("Node.example",), "node.EXAMPLE:8545", 200),
        (("Node.example",), "localhost", 200),
        (("Node.example",), "example", 403),
        (("Node.example",), "a.node.example", 403),
        (("Node.example",), "", 403),
        (("[fd00::1]",), "[FD00::1]:1", 200),
        (("192.0.2.1",), "192.0.2.1", 200),
        (("192.0.2.1",), "192.0.2.2", 403),
        (("*",), "anything.example", 200),
        (("*",), "", 403),
    ],
)
async def test_hosts(hosts: tuple[str, ...], header: str, status: int) -> None:
    async with asking(Access.of(hosts)) as client:
        assert (await post(client, host=header)).status_code == status


@pytest.mark.parametrize("origins", [(PAGE,), (PAGE.upper(),), ("*",), ("https://other.example", PAGE)])
async def test_a_listed_page_may_call(origins: tuple[str, ...]) -> None:
    async with asking(Access.of((), origins)) as client:
        leave = await client.options("/", headers=ASKS)
        assert (leave.status_code, leave.content) == (204, b"")
        assert "POST" in leave.headers["access-control-allow-methods"]
        assert {"content-type", "authorization"} <= set(leave.headers["access-control-allow-headers"].split(", "))
        answer = await post(client, origin=PAGE)
        refused = await client.put("/", headers={"origin": PAGE})
        assert (answer.json()["result"], refused.status_code) == (1, 405)
        for response in (leave, answer, refused):
            assert response.headers["access-control-allow-origin"] in ("*", PAGE)
            assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("origins", "origin"),
    [((), PAGE), (("https://other.example",), PAGE), ((PAGE,), PAGE + ".evil"), ((PAGE,), "http://wallet.example")],
)
async def test_other_pages_get_no_leave(origins: tuple[str, ...], origin: str) -> None:
    async with asking(Access.of((), origins)) as client:
        leave = await client.options("/", headers={**ASKS, "origin": origin})
        answer = await post(client, origin=origin)
    assert leave.status_code == 405
    for response in (leave, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]


async def test_what_is_no_preflight_is_no_method() -> None:
    async with asking(Access.of((), ("*",))) as client:
        assert (await client.options("/", headers={"origin": PAGE})).status_code == 405
        assert (await client.options("/", headers={**ASKS, "host": "evil.example"})).status_code == 403


async def test_a_public_page_may_ask_for_a_private_network() -> None:
    async with asking(Access.of((), (PAGE,))) as client:
        asks = {**ASKS, "access-control-request-private-network": "true"}
        assert (await client.options("/", headers=asks)).headers["access-control-allow-private-network"] == "true"
        assert "access-control-allow-private-network" not in (await client.options("/", headers=ASKS)).headers


HERE: dict[str, str] = {}
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("client", "headers", "token", "admitted"),
    [
        ("127.0.0.1", HERE, None, True),
        ("127.0.0.1", HERE, TOKEN, True),
        ("::1", HERE, None, True),
        ("::ffff:127.0.0.1", HERE, None, True),
        ("192.0.2.9", HERE, None, False),
        ("192.0.2.9", HERE, TOKEN, False),
        ("192.0.2.9", BEARER, TOKEN, True),
        ("192.0.2.9", {"authorization": f"bearer  {TOKEN}"}, TOKEN, True),
        ("192.0.2.9", {"authorization": f"Basic {TOKEN}"}, TOKEN, False),
        ("192.0.2.9", BEARER, None, False),
        ("127.0.0.1", {"origin": PAGE}, None, False),
        ("127.0.0.1", {"origin": PAGE, **BEARER}, TOKEN, True),
        ("127.0.0.1", {"host": "node.example"}, None, False),
        ("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, None, False),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, None, False),
    ],
)
async def test_admin_methods(client: str, headers: dict[str, str], token: str | None, admitted: bool) -> None:
    access = Access.of(("node.example",), (), token.encode() if token else None)
    async with asking(access, client) as opened:
        answer: dict[str, Any] = (await post(opened, "secret", **headers)).json()
        assert (await post(opened, **headers)).json()["result"] == 1
    if admitted:
        assert answer["result"] == 2
    else:
        assert answer["error"]["code"] == -32601
        assert answer["error"]["message"].startswith("the method secret does not exist/is not available")
        assert "rpc_token_file" in answer["error"]["message"]


@pytest.mark.parametrize("given", [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "Bearer é"])
@pytest.mark.parametrize("client", ["127.0.0.1", "192.0.2.9"])
async def test_a_wrong_token_is_refused_whatever_is_asked(given: str, client: str) -> None:
    async with asking(Access.of((), (), TOKEN.encode()), client) as opened:
        call = b'{"jsonrpc":"2.0","id":1,"method":"open"}'
        headers = [(b"content-type", b"application/json"), (b"authorization", given.encode("latin-1"))]
        response = await opened.post("/", content=call, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_batch_is_judged_call_by_call() -> None:
    async with asking(Access(), "192.0.2.9") as client:
        calls = [{"jsonrpc": "2.0", "id": number, "method": name} for number, name in enumerate(("open", "secret"))]
        answers = (await client.post("/", json=calls)).json()
    assert [answer.get("result") for answer in answers] == [1, None]


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(Access.of((), (), TOKEN.encode()))
