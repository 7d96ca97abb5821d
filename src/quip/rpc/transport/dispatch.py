"""JSON-RPC 2.0 without a transport: request bytes in, response bytes out.

What this file does not do: it opens no socket and knows no method; the table of methods is passed in.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from quip.primitives.recursion import bound_recursion
from quip.rpc.encoding import Json
from quip.rpc.errors import (
    HandlerCrashed,
    InvalidRequest,
    MethodNotFound,
    ParseError,
    ResponseTooLarge,
    RpcError,
    TokenNeeded,
)
from quip.rpc.params import Param, parse_arguments
from quip.rpc.transport.log_limit import RepeatLimit
from quip.storage.errors import StoreError

log = structlog.get_logger("quip.rpc")

RESPONSE_LIMIT_BYTES = 25_000_000  # of a batch, too, as go-ethereum
SLICE_S = 0.01  # so long a batch holds a thread; then others have their turn
Result = TypeVar("Result")

OTHER = "other"  # the label of methods that do not exist: callers must not grow the metrics


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its arguments, and the function that answers: in the pool (it may block) unless it is instant."""

    name: str
    params: Sequence[Param]
    answer: Callable[..., Any]
    admin: bool = False
    """Does it change the node, or tell what is nobody else's business? Then only this machine or the token may."""
    instant: bool = False
    """It waits for nothing: a single call is answered on the loop, since handing it to a thread costs more."""
    private: frozenset[str] = frozenset()
    """Members of its answer, an object, that only those are told who may use admin methods."""


NO_METHODS: Mapping[str, Method] = {}


@dataclass(slots=True)
class _Call:
    """One call and what becomes of it; without `work` where it is refused at once."""

    identity: object
    wants_answer: bool
    name: str = ""
    work: Callable[[], Any] | None = None
    instant: bool = False
    result: bytes = b"null"
    """JSON."""
    error: RpcError | None = None

    def response(self) -> bytes | None:
        """The response object; None for a notification."""
        if not self.wants_answer:
            return None
        if self.error is not None:
            return encode(_failed(self.identity, self.error))
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (encode(self.identity), self.result)


def _work(calls: Sequence[_Call], results: list[bytes]) -> None:
    """The results of the first calls as JSON, until SLICE_S are over or one raises."""
    end = time.monotonic() + SLICE_S
    for call in calls:
        if call.work is not None:
            results.append(encode(call.work()))
        if time.monotonic() >= end:
            return


def _without(private: frozenset[str], answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in answer().items() if name not in private}


async def _work_here(calls: Sequence[_Call], results: list[bytes]) -> None:
    _work(calls, results)


class Dispatcher:
    """Answers calls and batches from a table of methods."""

    def __init__(
        self,
        methods: Sequence[Method],
        pool: Executor,
        batch_limit: int,
        count: Callable[[str, str], None] = lambda method, outcome: None,
    ) -> None:
        self._methods: Mapping[str, Method] = {method.name: method for method in methods}
        self._pool = pool
        self._batch_limit = batch_limit
        self._count = count
        self._failures = RepeatLimit()

    async def handle(self, body: bytes, admin: bool = False, own: Mapping[str, Method] = NO_METHODS) -> bytes | None:
        """The response to one message; None where there is nothing to say (notifications only).

        `admin`: may the caller use admin methods?   `own`: what this connection has in the table's place
        """
        try:
            request = parse(body)
        except ParseError as error:
            return encode(_failed(None, error))
        if isinstance(request, list):
            if not request:
                return encode(_failed(None, InvalidRequest("empty batch")))
            if len(request) > self._batch_limit:
                return encode(_failed(None, InvalidRequest("batch too large")))
        calls = [self._prepared(call, admin, own) for call in (request if isinstance(request, list) else [request])]
        await self._run([call for call in calls if call.work is not None])
        responses = [response for call in calls if (response := call.response()) is not None]
        if not responses:
            return None
        return b"[" + b",".join(responses) + b"]" if isinstance(request, list) else responses[0]

    async def in_pool(self, job: Callable[[], Result]) -> Result:
        """What a job gives that may block."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def _prepared(self, call: object, admin: bool, own: Mapping[str, Method]) -> _Call:
        identity = call.get("id") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not _is_call(call):
            known = isinstance(identity, str | int | float) and not isinstance(identity, bool)
            return _Call(identity if known else None, True, error=InvalidRequest())
        made = _Call(identity, "id" in call, call["method"])
        try:
            method = self._known(made.name, own)
            made.work = self._bound(method, call.get("params"), admin)
            made.instant = method.instant
        except RpcError as error:
            made.error = error
        return made

    def _known(self, name: str, own: Mapping[str, Method]) -> Method:
        method = own.get(name) or self._methods.get(name)
        if method is None:
            self._count(OTHER, "not found")
            raise MethodNotFound(name)
        return method

    def _bound(self, method: Method, params: object, admin: bool) -> Callable[[], Any]:
        try:
            if method.admin and not admin:
                raise TokenNeeded(method.name)
            answer = partial(method.answer, *parse_arguments(method.params, params))
            return partial(_without, method.private, answer) if method.private and not admin else answer
        except RpcError:
            self._count(method.name, "refused")
            raise

    async def _run(self, calls: Sequence[_Call]) -> None:
        """A slice of a batch is one job of the pool: a job each would cost more than most calls."""
        room = RESPONSE_LIMIT_BYTES
        while calls:
            results: list[bytes] = []
            loop = asyncio.get_running_loop()
            done: asyncio.Future[None] = (
                loop.create_task(_work_here(calls, results))
                if len(calls) == 1 and calls[0].instant
                else loop.run_in_executor(self._pool, _work, calls, results)
            )
            await asyncio.wait([done])
            failure = done.exception()
            for call, result in zip(calls, results, strict=False):
                room -= len(result)
                if room < 0:
                    self._fail(call, ResponseTooLarge())
                else:
                    call.result = result
                    self._count(call.name, "ok")
            calls = calls[len(results) :]
            if room < 0:
                for call in calls:
                    self._fail(call, ResponseTooLarge())
                return
            if failure is not None:
                self._fail(calls[0], failure)
                calls = calls[1:]

    def _fail(self, call: _Call, failure: BaseException) -> None:
        self._count(call.name, "failed")
        if isinstance(failure, RpcError):
            call.error = failure
        else:
            call.error = HandlerCrashed()
            self._log_failure(call.name, failure)

    def _log_failure(self, name: str, failure: BaseException) -> None:
        left_out = self._failures.admit((name, type(failure)))
        if left_out is None:
            return
        values: dict[str, Any] = {"left_out": left_out} if left_out else {}
        if isinstance(failure, StoreError):  # says itself what to do
            log.error("an RPC method failed", method=name, reason=str(failure), **values)
        else:
            log.error("an RPC method failed", method=name, exc_info=failure, **values)


def parse(body: bytes) -> object:
    """The JSON value of a body; raises ParseError (bad UTF-8, NaN, absurd nesting and absurd numbers too)."""
    bound_recursion()
    try:
        return json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise ParseError from None


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # 1e400 would come back as Infinity, which is no JSON
        raise ValueError(text)
    return number


def _is_call(call: dict[str, Any]) -> bool:
    identity = call.get("id")
    return (
        call.get("jsonrpc") == "2.0"
        and isinstance(call.get("method"), str)
        and not isinstance(identity, bool | list | dict)
    )


def _failed(identity: object, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identity, "error": error.as_object()}


def encode(response: object) -> bytes:
    """A response or a notification as it is sent."""
    if isinstance(response, Json):
        return response.encode()
    return json.dumps(response, separators=(",", ":")).encode()
