"""JSON-RPC over HTTP and WebSocket: the application, and the names that its callers need.

A web page must not reach it unless the operator lists its origin: the Host header has to name loopback or a listed name
(DNS rebinding), and the content type has to be JSON (browsers ask first, and get no leave).
"""

import asyncio
import logging
import time
from collections.abc import Callable

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from quip.rpc.transport.access import LOOPBACK_ONLY, Access
from quip.rpc.transport.dispatch import Dispatcher
from quip.rpc.transport.server import LocalServer
from quip.rpc.transport.sockets import Listener, listen, listen_from
from quip.rpc.transport.websocket import ACCESS_LOG, Feed, Session

__all__ = ["Access", "Listener", "LocalServer", "application", "listen", "listen_from"]

BODY_S = 30.0  # a request that takes longer to arrive holds one of the connections for nothing
CONTENT_TYPES = ("application/json", "application/json-rpc", "application/jsonrequest")  # as go-ethereum
METHODS = ["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"]

access_log = structlog.get_logger(ACCESS_LOG)


def application(
    dispatcher: Dispatcher,
    body_limit_bytes: int,
    access: Access = LOOPBACK_ONLY,
    feed: Callable[[], Feed] | None = None,
) -> Starlette:
    """The web application with its one address, `/`. `feed`: makes what a WebSocket connection can subscribe to."""

    async def call(request: Request) -> Response:
        started = time.monotonic()
        try:
            response = _without_call(request, access) or await _answer(request, dispatcher, body_limit_bytes, access)
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            response = Response(status_code=503)
        access.mark(request, response)
        if logging.getLogger(ACCESS_LOG).isEnabledFor(logging.INFO):
            access_log.info(
                "rpc",
                client=request.client.host if request.client else None,
                method=request.method,
                status=response.status_code,
                bytes=len(response.body),
                ms=round(1000 * (time.monotonic() - started), 2),
            )
        return response

    async def talk(socket: WebSocket) -> None:
        refusal = access.socket_refusal(socket)
        if refusal is not None:
            await socket.send_denial_response(refusal)
        elif feed is not None:
            await Session(socket, dispatcher, feed(), access.admits_admin(socket)).run()

    routes: list[BaseRoute] = [Route("/", call, methods=METHODS)]
    return Starlette(routes=routes if feed is None else [*routes, WebSocketRoute("/", talk)])


async def _answer(request: Request, dispatcher: Dispatcher, body_limit_bytes: int, access: Access) -> Response:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > body_limit_bytes:
                    return PlainTextResponse(f"content length too large (>{body_limit_bytes})\n", 413)
    except ClientDisconnect:
        return Response(status_code=400)
    except TimeoutError:
        return PlainTextResponse("the request did not come in time\n", 408, headers={"connection": "close"})
    answer = await dispatcher.handle(bytes(body), admin=access.admits_admin(request))
    return Response(answer or b"", media_type="application/json")


def _without_call(request: Request, access: Access) -> Response | None:
    """The answer to a request that is no call, with go-ethereum's status and words; None for a call."""
    refusal = access.refusal(request) or access.preflight(request)
    if refusal is not None:
        return refusal
    if request.headers.get("upgrade", "").lower() == "websocket":
        text = "no WebSocket for this request: it is no upgrade, or too many are open; calls may be sent by POST\n"
        return PlainTextResponse(text, 503, headers={"connection": "close"})
    if request.method in ("GET", "HEAD"):
        return Response(status_code=200)  # load balancers ask so
    if request.method != "POST":
        return PlainTextResponse("method not allowed\n", 405, headers={"allow": "POST"})
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in CONTENT_TYPES:
        return PlainTextResponse("invalid content type, only application/json is supported\n", 415)
    return None
