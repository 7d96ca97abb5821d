"""Who may call a server, and what: by the Host header, by a web page's origin, by a token.

* A request's Host must be a name of loopback, or one that the operator listed: else a web page whose name is made to
  point here (DNS rebinding) could read the answers.
* A web page of another origin gets a CORS header only where that origin is listed.
* Admin methods are for callers on this machine, and for those that know the token. A caller is on this machine if it
  connects from loopback, to a name of loopback, and neither a web page nor a proxy stands between.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from quip.rpc.transport.sockets import is_loopback

ANY = "*"
PREFLIGHT_S = 600  # so long a browser may remember its leave
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Access:
    """What the operator allows beyond loopback; by default nothing."""

    hosts: frozenset[str] = frozenset()
    """Names and addresses that a Host header may bear, in lower case; "*" is any."""
    origins: frozenset[str] = frozenset()
    """Origins of web pages, in lower case; "*" is any."""
    token: bytes | None = field(default=None, repr=False)
    """What a caller of admin methods has to know; None: they are for this machine alone."""

    @classmethod
    def of(cls, hosts: Iterable[str], origins: Iterable[str] = (), token: bytes | None = None) -> "Access":
        """From what the operator wrote: names in any case, IPv6 addresses with or without brackets."""
        names = frozenset(host.lower().strip("[]") for host in hosts)
        return cls(names, frozenset(origin.lower() for origin in origins), token)

    def admits_host(self, header: str) -> bool:
        """May a request be for this host?"""
        return bool(header) and (ANY in self.hosts or host_name(header) in self.hosts or names_loopback(header))

    def admits_origin(self, origin: str | None) -> bool:
        """May a web page of this origin read the answers?"""
        return origin is not None and (ANY in self.origins or origin.lower() in self.origins)

    def admits_admin(self, request: HTTPConnection) -> bool:
        """May this caller use admin methods?"""
        return self._knows_token(request) or _is_local(request)

    def refusal(self, request: HTTPConnection) -> Response | None:
        """The answer to a request that may not be made at all, in go-ethereum's words where it has some."""
        if not self.admits_host(request.headers.get("host", "")):
            return PlainTextResponse("invalid host specified\n", 403)
        if self.token is not None and _given_token(request) is not None and not self._knows_token(request):
            return PlainTextResponse("invalid token\n", 401, headers={"www-authenticate": "Bearer"})
        return None

    def socket_refusal(self, socket: HTTPConnection) -> Response | None:
        """The answer to a WebSocket that may not be opened: as `refusal`, and no web page of another origin may, since
        a browser asks nobody before it opens one, and hides nothing of what comes."""
        origin = socket.headers.get("origin")
        if origin is not None and not self.admits_origin(origin):
            return PlainTextResponse("origin not allowed\n", 403)
        return self.refusal(socket)

    def preflight(self, request: Request) -> Response | None:
        """The answer to a browser that asks whether a page may call; None where it may not, or does not ask."""
        headers = request.headers
        if request.method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        if not self.admits_origin(headers.get("origin")):
            return None
        leave = {
            "access-control-allow-methods": "POST, GET",
            "access-control-allow-headers": "content-type, authorization",
            "access-control-max-age": str(PREFLIGHT_S),
        }
        if headers.get("access-control-request-private-network") == "true":
            leave["access-control-allow-private-network"] = "true"
        return Response(status_code=204, headers=leave)

    def mark(self, request: Request, response: Response) -> None:
        """Add what a browser wants to see before it hands the answer to a page."""
        origin = request.headers.get("origin")
        if self.origins:
            response.headers["vary"] = "Origin"
        if origin is not None and self.admits_origin(origin):
            response.headers["access-control-allow-origin"] = ANY if ANY in self.origins else origin

    def _knows_token(self, request: HTTPConnection) -> bool:
        given = _given_token(request)
        return self.token is not None and given is not None and hmac.compare_digest(given, self.token)


LOOPBACK_ONLY = Access()


def host_name(header: str) -> str:
    """The name in a Host header, without its port and brackets, in lower case."""
    text = header.strip().lower()
    return text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]


def names_loopback(header: str) -> bool:
    """Does a Host header name this machine's loopback?"""
    name = host_name(header)
    return name == "localhost" or is_loopback(name)


def _given_token(request: HTTPConnection) -> bytes | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip().encode() if scheme.lower() == "bearer" else None


def _is_local(request: HTTPConnection) -> bool:
    return (
        request.client is not None
        and is_loopback(request.client.host)
        and names_loopback(request.headers.get("host", ""))
        and "origin" not in request.headers
        and not any(name in request.headers for name in FORWARDED)
    )
