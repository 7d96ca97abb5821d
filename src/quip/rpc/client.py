"""A small JSON-RPC client for our own commands. Standard library only.

RpcUnreachable: nobody listens, or not a JSON-RPC server.   RpcRefused: the server answered with an error.
TokenRefused: it has another token.
"""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

TIMEOUT_S = 30.0
UNAUTHORIZED = 401
MAX_BATCH = 50  # below every server's limit


class RpcUnreachable(Exception):
    """Nobody answers at the address."""


class TokenRefused(Exception):
    """The server does not take the token."""


class RpcRefused(Exception):
    """The server answered with an error object."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message}")
        self.code = code


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A call goes where it was sent, and so does its token."""

    def redirect_request(self, *_: Any) -> None:
        """None: the redirection is an error."""


class RpcClient:
    """Calls methods at one URL."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S, *, token: bytes | None = None) -> None:
        """`token`: what admits to admin methods from elsewhere; ASCII without white space."""
        self.url = url
        self._headers = {"content-type": "application/json"}
        if token is not None:
            self._headers["authorization"] = f"Bearer {token.decode('ascii')}"
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # loopback needs no proxy
            _NoRedirect(),
        )

    def call(self, method: str, *params: Any) -> Any:
        """The result of one call. Raises RpcUnreachable, RpcRefused, TokenRefused."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """The results in order, sent MAX_BATCH at a time; the first error is raised."""
        results: list[Any] = []
        for first in range(0, len(calls), MAX_BATCH):
            part = calls[first : first + MAX_BATCH]
            request = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
                for number, (method, params) in enumerate(part)
            ]
            answers = {answer.get("id"): answer for answer in self._post(request)}
            for number, (method, _) in enumerate(part):
                results.append(_result(method, answers.get(number)))
        return results

    def _post(self, request: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            post = urllib.request.Request(  # ValueError: the URL is none
                self.url, json.dumps(request).encode(), self._headers, method="POST"
            )
            with self._opener.open(post, timeout=self._timeout_s) as response:
                content = response.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is the answer, and holds the connection
                if error.code == UNAUTHORIZED:
                    raise TokenRefused(f"the node at {self.url} does not take this token") from None
            raise RpcUnreachable(f"no JSON-RPC at {self.url}: {_reason(error)}") from None
        try:
            answers = json.loads(content)
        except ValueError:
            answers = None
        if isinstance(answers, dict):
            answers = [answers]
        if not isinstance(answers, list) or not all(map(_is_answer, answers)):
            raise RpcUnreachable(f"no JSON-RPC at {self.url}: an answer of another kind")
        return answers


def _reason(error: Exception) -> str:
    """What went wrong, without the number of the system's error."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return (cause.strerror if isinstance(cause, OSError) else None) or str(cause)


def _is_answer(answer: object) -> bool:
    return isinstance(answer, dict) and not isinstance(answer.get("id"), dict | list)


def _result(method: str, answer: dict[str, Any] | None) -> Any:
    if answer is None:
        raise RpcUnreachable(f"{method}: no answer")
    error = answer.get("error")
    if error is not None and not isinstance(error, dict):
        raise RpcUnreachable(f"{method}: an error of another kind")
    if error is not None:
        raise RpcRefused(method, error.get("code", 0), error.get("message", ""))
    return answer.get("result")
