"""JSON-RPC 2.0 without a transport: request bytes in, response bytes out.

What this file does not do: it opens no socket and knows no method; the table of methods is passed in.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import structlog

from quip.rpc.errors import HandlerCrashed, InvalidRequest, MethodNotFound, ParseError, RpcError, TokenNeeded
from quip.rpc.params import Param, parse_arguments
from quip.rpc.transport.log_limit import RepeatLimit
from quip.storage.errors import StoreError

log = structlog.get_logger("quip.rpc")

OTHER = "other"  # the label of methods that do not exist: callers must not grow the metrics


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its arguments, and the function that answers. It runs in the pool, so it may block."""

    name: str
    params: Sequence[Param]
    answer: Callable[..., Any]
    admin: bool = False
    """Does it change the node, or tell what is nobody else's business? Then only this machine or the token may."""


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

    async def handle(self, body: bytes, admin: bool = False) -> bytes | None:
        """The response to one HTTP body; None where there is nothing to say (notifications only).

        `admin`: may the caller use admin methods?
        """
        try:
            request = parse(body)
        except ParseError as error:
            return _encode(_failed(None, error))
        if not isinstance(request, list):
            response = await self._one(request, admin)
            return None if response is None else _encode(response)
        if not request:
            return _encode(_failed(None, InvalidRequest("empty batch")))
        if len(request) > self._batch_limit:
            return _encode(_failed(None, InvalidRequest("batch too large")))
        responses = [response for call in request if (response := await self._one(call, admin)) is not None]
        return _encode(responses) if responses else None

    async def _one(self, call: object, admin: bool) -> dict[str, Any] | None:
        identity = call.get("id") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not _is_call(call):
            known = isinstance(identity, str | int | float) and not isinstance(identity, bool)
            return _failed(identity if known else None, InvalidRequest())
        try:
            result = await self._answer(call["method"], call.get("params"), admin)
        except RpcError as error:
            return _failed(identity, error) if "id" in call else None
        return {"jsonrpc": "2.0", "id": identity, "result": result} if "id" in call else None

    async def _answer(self, name: str, params: object, admin: bool) -> object:
        method = self._methods.get(name)
        if method is None:
            self._count(OTHER, "not found")
            raise MethodNotFound(name)
        if method.admin and not admin:
            self._count(name, "refused")
            raise TokenNeeded(name)
        try:
            arguments = parse_arguments(method.params, params)
        except RpcError:
            self._count(name, "refused")
            raise
        done = asyncio.get_running_loop().run_in_executor(self._pool, method.answer, *arguments)
        await asyncio.wait([done])
        failure = done.exception()
        self._count(name, "ok" if failure is None else "failed")
        if failure is None:
            return done.result()
        if isinstance(failure, RpcError):
            raise failure
        self._log_failure(name, failure)
        raise HandlerCrashed

    def _log_failure(self, name: str, failure: BaseException | None) -> None:
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


def _encode(response: object) -> bytes:
    return json.dumps(response, separators=(",", ":")).encode()
