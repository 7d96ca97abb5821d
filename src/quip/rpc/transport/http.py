"""JSON-RPC over HTTP on 127.0.0.1, and the sockets that local servers listen on.

A web page must not reach it: the Host header has to name loopback (DNS rebinding), the content type has to be JSON
(browsers ask first, and get no leave), and no CORS header is ever sent.
"""

import asyncio
import contextlib
import ipaddress
import socket
import time

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from quip.rpc.transport.dispatch import Dispatcher
from quip.rpc.transport.server import LocalServer

__all__ = ["LocalServer", "application", "is_loopback", "listen", "listen_from"]

LOOPBACK = "127.0.0.1"
BACKLOG = 128  # connections waiting to be accepted; local tools need few
SEARCHED_PORTS = 1000  # where "the first free one" is looked for
BODY_S = 30.0  # a request that takes longer to arrive holds one of the connections for nothing

access = structlog.get_logger("quip.http")


def listen(port: int) -> socket.socket:
    """A listening TCP socket on loopback; port 0 takes any free one. Raises OSError."""
    # The protocol is named since asyncio sets TCP_NODELAY only where it is: an answer goes out as two writes, and the
    # second would wait 40 ms for the client's delayed acknowledgement of the first.
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((LOOPBACK, port))
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def listen_from(first: int) -> socket.socket:
    """A listening socket on the first free port from `first` up. Raises OSError where SEARCHED_PORTS are taken."""
    for port in range(first, first + SEARCHED_PORTS):
        with contextlib.suppress(OSError):
            return listen(port)
    raise OSError(f"no free port from {first} to {first + SEARCHED_PORTS - 1}")


def is_loopback(host: str) -> bool:
    """Does a Host header name this machine's loopback?"""
    name = host.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def application(dispatcher: Dispatcher, body_limit_bytes: int) -> Starlette:
    """The web application with its one address, `/`."""

    async def call(request: Request) -> Response:
        started = time.monotonic()
        try:
            response = await _respond(request, dispatcher, body_limit_bytes)
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            response = Response(status_code=503)
        access.info(
            "rpc",
            client=request.client.host if request.client else None,
            method=request.method,
            status=response.status_code,
            bytes=len(response.body),
            ms=round(1000 * (time.monotonic() - started), 2),
        )
        return response

    return Starlette(routes=[Route("/", call, methods=["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"])])


async def _respond(request: Request, dispatcher: Dispatcher, body_limit_bytes: int) -> Response:
    refusal = _refusal(request)
    if refusal is not None:
        return refusal
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
    answer = await dispatcher.handle(bytes(body))
    return Response(answer or b"", media_type="application/json")


def _refusal(request: Request) -> Response | None:
    """The answer to a request that is no call, with go-ethereum's status and words."""
    if not is_loopback(request.headers.get("host", "")):
        return PlainTextResponse("invalid host specified\n", 403)
    if request.method in ("GET", "HEAD"):
        return Response(status_code=200)  # load balancers ask so
    if request.method != "POST":
        return PlainTextResponse("method not allowed\n", 405, headers={"allow": "POST"})
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return PlainTextResponse("invalid content type, only application/json is supported\n", 415)
    return None
