"""The JSON-RPC envelope."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from quip.rpc import params
from quip.rpc.errors import CallFailed, ParseError
from quip.rpc.params import Param
from quip.rpc.transport import dispatch
from quip.rpc.transport.dispatch import Dispatcher, Method


def refuse() -> None:
    raise CallFailed("header not found")


def crash() -> None:
    raise ZeroDivisionError


METHODS = (
    Method("echo", [Param("flag", params.boolean)], lambda flag: flag),
    Method("refuse", [], refuse),
    Method("crash", [], crash),
    Method("half", [], lambda: {"head": 7, "payee": "me"}, private=frozenset(("payee",))),
)


@pytest.fixture
def counts() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def dispatcher(counts: list[tuple[str, str]]) -> Iterator[Dispatcher]:
    with ThreadPoolExecutor(1) as pool:
        yield Dispatcher(METHODS, pool, 3, lambda method, outcome: counts.append((method, outcome)))


def call(method: str, *arguments: object, identity: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "method": method, "params": list(arguments)}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN"])
async def test_an_id_that_json_cannot_hold(dispatcher: Dispatcher, number: str) -> None:
    response = await dispatcher.handle(f'{{"jsonrpc":"2.0","id":{number},"method":"echo","params":[true]}}'.encode())
    assert response is not None
    assert json.loads(response)["error"]["code"] == ParseError.code


async def answer(dispatcher: Dispatcher, request: object) -> Any:
    response = await dispatcher.handle(json.dumps(request).encode())
    return None if response is None else json.loads(response)


async def test_a_call_is_answered(dispatcher: Dispatcher, counts: list[tuple[str, str]]) -> None:
    assert await answer(dispatcher, call("echo", True, identity="x")) == {"jsonrpc": "2.0", "id": "x", "result": True}
    assert counts == [("echo", "ok")]


@pytest.mark.parametrize(
    ("request_", "code", "message", "identity"),
    [
        (call("nope"), -32601, "the method nope does not exist/is not available", 1),
        (call("echo"), -32602, "missing value for required argument 0", 1),
        (call("refuse"), -32000, "header not found", 1),
        (call("crash"), -32603, "method handler crashed", 1),
        ({"id": 1, "method": "echo"}, -32600, "invalid request", 1),
        ({"jsonrpc": "1.0", "id": 1, "method": "echo"}, -32600, "invalid request", 1),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, -32600, "invalid request", 1),
        ({"jsonrpc": "2.0", "id": [], "method": "echo"}, -32600, "invalid request", None),
        ([], -32600, "empty batch", None),
        ([call("echo", True)] * 4, -32600, "batch too large", None),
        (5, -32600, "invalid request", None),
        (None, -32600, "invalid request", None),
    ],
)
async def test_errors(dispatcher: Dispatcher, request_: object, code: int, message: str, identity: object) -> None:
    response = await answer(dispatcher, request_)
    assert response == {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000, b"1" * 5000, b'{"a":1}x'], ids=lambda body: repr(body[:8])
)
async def test_what_is_no_json_is_a_parse_error(dispatcher: Dispatcher, body: bytes) -> None:
    response = await dispatcher.handle(body)
    assert response is not None
    assert json.loads(response)["error"] == {"code": -32700, "message": "parse error"}


async def test_a_batch_is_answered_in_order_and_notifications_are_not(dispatcher: Dispatcher) -> None:
    notification = {"jsonrpc": "2.0", "method": "echo", "params": [True]}
    responses = await answer(dispatcher, [call("echo", False, identity=7), notification, call("refuse", identity=8)])
    assert [response["id"] for response in responses] == [7, 8]
    assert await answer(dispatcher, notification) is None
    assert await answer(dispatcher, [notification]) is None


async def test_a_failure_within_a_batch_spoils_nothing_else(
    dispatcher: Dispatcher, counts: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [call("echo", True, identity=0), call("crash", identity=1), call("refuse", identity=2)]
    for slice_s in (0.0, 60.0):  # a job of the pool for each call, one for all
        monkeypatch.setattr(dispatch, "SLICE_S", slice_s)
        first, second, third = await answer(dispatcher, calls)
        assert first["result"] is True
        assert (second["error"]["code"], third["error"]["code"]) == (-32603, -32000)
        assert [found["id"] for found in (first, second, third)] == [0, 1, 2]
    assert counts == [("echo", "ok"), ("crash", "failed"), ("refuse", "failed")] * 2


@pytest.mark.parametrize(("slice_s", "jobs"), [(60.0, 1), (0.0, 3)])
async def test_a_batch_holds_a_thread_for_a_slice(monkeypatch: pytest.MonkeyPatch, slice_s: float, jobs: int) -> None:
    class Counting(ThreadPoolExecutor):
        jobs = 0

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            self.jobs += 1
            return super().submit(*args, **kwargs)

    monkeypatch.setattr(dispatch, "SLICE_S", slice_s)
    with Counting(1) as pool:
        found = await answer(Dispatcher(METHODS, pool, 3), [call("echo", True)] * 3)
    assert [one["result"] for one in found] == [True] * 3
    assert pool.jobs == jobs


async def test_an_answer_has_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a batch all together; what comes after is not even run."""
    monkeypatch.setattr(dispatch, "RESPONSE_LIMIT_BYTES", 100)
    ran: list[int] = []

    def answer(size: int) -> str:
        ran.append(size)
        return "x" * size

    with ThreadPoolExecutor(1) as pool:
        made = Dispatcher([Method("sized", [Param("size", lambda value: value)], answer)], pool, 10)
        calls = [call("sized", size, identity=size) for size in (40, 50, 30, 1)]
        monkeypatch.setattr(dispatch, "SLICE_S", 0.0)
        answers = json.loads(await made.handle(json.dumps(calls).encode()) or b"")
        alone = json.loads(await made.handle(json.dumps(call("sized", 99)).encode()) or b"")
    assert [one["id"] for one in answers] == [40, 50, 30, 1]
    assert [len(one["result"]) for one in answers[:2]] == [40, 50]
    too_large = {"code": -32003, "message": "response too large"}
    assert [one["error"] for one in (*answers[2:], alone)] == [too_large] * 3
    assert ran == [40, 50, 30, 99]


async def test_a_method_that_fails_again_and_again_is_logged_once(dispatcher: Dispatcher) -> None:
    with capture_logs() as lines:
        for _ in range(5):
            await answer(dispatcher, call("crash"))
            await answer(dispatcher, call("refuse"))
    assert [(line["event"], line["method"]) for line in lines] == [("an RPC method failed", "crash")]


async def test_unknown_methods_share_one_label(dispatcher: Dispatcher, counts: list[tuple[str, str]]) -> None:
    await answer(dispatcher, [call("a"), call("b")])
    assert counts == [("other", "not found")] * 2


@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_parse_never_fails_otherwise(body: bytes) -> None:
    try:
        dispatch.parse(body)
    except ParseError as error:
        assert error.code == -32700


async def test_an_instant_method_is_answered_on_the_loop_and_its_failure_is_like_any_other() -> None:
    here = threading.get_ident()
    seen: list[bool] = []

    def look() -> int:
        seen.append(threading.get_ident() == here)
        return 7

    def broken() -> int:
        raise ZeroDivisionError

    methods = [
        Method("quick", (), look, instant=True),
        Method("slow", (), look),
        Method("bad", (), broken, instant=True),
    ]
    with ThreadPoolExecutor(1) as pool:
        dispatcher = Dispatcher(methods, pool, 10)
        for name in ("quick", "slow"):
            answer = await dispatcher.handle(json.dumps({"jsonrpc": "2.0", "id": 1, "method": name}).encode())
            assert json.loads(answer or b"")["result"] == 7
        answer = await dispatcher.handle(b'{"jsonrpc": "2.0", "id": 1, "method": "bad"}')
    assert seen == [True, False]
    assert json.loads(answer or b"")["error"]["code"] == -32603


async def test_private_members_are_for_those_who_may_use_admin_methods(dispatcher: Dispatcher) -> None:
    request = json.dumps([call("half"), call("half", identity=2)]).encode()
    for admin, wanted in ((False, {"head": 7}), (True, {"head": 7, "payee": "me"})):
        response = await dispatcher.handle(request, admin=admin)
        assert response is not None
        assert [one["result"] for one in json.loads(response)] == [wanted, wanted]
