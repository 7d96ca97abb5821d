"""What a service manager is told: sd_notify(3) datagrams, where NOTIFY_SOCKET asks for them."""

import asyncio
import os
import socket
from collections.abc import Mapping


class ServiceNotifier:
    """Sends READY=1, WATCHDOG=1 and STOPPING=1; silent where nobody listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        microseconds = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_s: float | None = int(microseconds) / 2e6 if mine and microseconds.isdigit() else None

    async def run(self) -> None:
        """Say that the node is ready, then that it lives; when cancelled, that it stops."""
        self.send("READY=1")
        try:
            while self.watchdog_s is not None:
                self.send("WATCHDOG=1")
                await asyncio.sleep(self.watchdog_s)
            await asyncio.Event().wait()
        finally:
            self.send("STOPPING=1")

    def send(self, state: str) -> bool:
        """Send one state line; False where there is no manager or it does not answer."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(state.encode(), self._address)
        except OSError:
            return False
        return True
