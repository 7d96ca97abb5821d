"""A transport whose writes of one moment leave as one: uvicorn writes an answer's head, body and end one by one.

Each write would be a system call of its own, and would wake the client before there is anything to read.
"""

import asyncio
from typing import Any


class OneWrite:
    """Holds what is written until `flush`, which happens by itself in the event loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send it soon."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def flush(self) -> None:
        """Send what is held now."""
        held, self._held = b"".join(self._held), []
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def close(self) -> None:
        """Close once everything is sent."""
        self.flush()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken."""
        return sum(map(len, self._held)) + self._transport.get_write_buffer_size()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
