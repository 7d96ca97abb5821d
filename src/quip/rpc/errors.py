"""What a caller may be told, with go-ethereum's codes and texts (clients match on them).

RpcError
+-- ParseError       -32700  the body is not JSON
+-- InvalidRequest   -32600  JSON, but not a call
+-- MethodNotFound   -32601
|   +-- TokenNeeded          there is one, but not for this caller
|   +-- NeedsWebSocket       there is one, but not on this connection
+-- NoSuchSubscription       -32601
+-- InvalidParams    -32602
+-- HandlerCrashed   -32603  our bug
+-- CallFailed       -32000  the call is well-formed and cannot be answered
+-- CallReverted     3       a contract reverted; its data is the error's
+-- ResponseTooLarge -32003  or the rest of a batch's
+-- LimitExceeded    -32005  as much is not answered at once; the text says how much is
+-- TooManySlots     -38026  the same of storage slots
"""

from typing import Any, ClassVar

from quip.rpc import encoding

NEEDS_TOKEN = "from elsewhere it needs the token of rpc_token_file"


class RpcError(Exception):
    """An error object of JSON-RPC 2.0."""

    code: ClassVar[int] = -32000

    @property
    def message(self) -> str:
        """The text that the caller reads."""
        return str(self)

    def as_object(self) -> dict[str, Any]:
        """The `error` member of a response."""
        return {"code": self.code, "message": self.message}


class ParseError(RpcError):
    """The body is not JSON."""

    code = -32700

    def __init__(self) -> None:
        super().__init__("parse error")


class InvalidRequest(RpcError):
    """JSON that is no call, or a batch that is empty or too long."""

    code = -32600

    def __init__(self, message: str = "invalid request") -> None:
        super().__init__(message)


class MethodNotFound(RpcError):
    """No such method."""

    code = -32601

    def __init__(self, method: str) -> None:
        super().__init__(f"the method {method} does not exist/is not available")


class TokenNeeded(MethodNotFound):
    """An admin method, asked for from elsewhere without the token."""

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.args = (f"{self}: {NEEDS_TOKEN} (Authorization: Bearer TOKEN)",)


class NeedsWebSocket(MethodNotFound):
    """A method that tells more than once, asked for where there is one answer."""

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.args = ("notifications not supported",)


class NoSuchSubscription(RpcError):
    """Nothing of that name can be subscribed to."""

    code = -32601

    def __init__(self, name: str) -> None:
        super().__init__(f'no "{name[:64]}" subscription in eth namespace')


class InvalidParams(RpcError):
    """Arguments that the method does not take."""

    code = -32602


class HandlerCrashed(RpcError):
    """The method failed in a way that nobody foresaw; the node's log has the cause."""

    code = -32603

    def __init__(self) -> None:
        super().__init__("method handler crashed")


class CallFailed(RpcError):
    """A well-formed call without an answer."""


class ResponseTooLarge(RpcError):
    """The answer, or those of a batch up to this one, has more bytes than are sent at once."""

    code = -32003

    def __init__(self) -> None:
        super().__init__("response too large")


class LimitExceeded(RpcError):
    """More than is answered at once (EIP-1474)."""

    code = -32005


class TooManySlots(RpcError):
    """More storage slots than are read at once."""

    code = -38026

    def __init__(self, limit: int) -> None:
        super().__init__(f"too many slots (max {limit})")


class CallReverted(RpcError):
    """A contract ended a call by REVERT."""

    code = 3

    def __init__(self, message: str, data: bytes) -> None:
        """`data`: what it reverted with."""
        super().__init__(message)
        self.data = data

    def as_object(self) -> dict[str, Any]:
        """The `error` member of a response, with the data."""
        return {**super().as_object(), "data": encoding.data(self.data)}
