"""The peers that the operator named, host:port, as addresses. Names are looked up again whenever a peer is lost.

Looking up runs in a daemon thread of its own: a name server that does not answer delays nobody, not even the end.
"""

import socket
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence

import structlog

from quip.net.address import Address, canonical
from quip.node.config.node_config import split_address
from quip.node.errors import ConfigError

log = structlog.get_logger("quip.net")

LOOKUP_S = 30.0  # names are looked up again so often at the latest: hosts move
LookUp = Callable[[str, int], list[str]]


def look_up(host: str, port: int) -> list[str]:
    """The IP addresses of a name, in the system's order of preference. Raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except UnicodeError:  # an empty label, or one of more than 63 characters
        raise OSError(f"{host!r} is no name") from None
    return [str(address[0]) for *_, address in found]


def addresses_of(host: str, port: int, look_up: LookUp = look_up) -> list[Address]:
    """The addresses of an IP address (v6 with or without brackets) or a name. Raises OSError."""
    name = host.strip("[]")
    literal = canonical(name, port)
    if literal is not None:
        return [literal]
    found = (canonical(one, port) for one in look_up(name, port))
    return list(dict.fromkeys(address for address in found if address is not None))


class PeerResolver:
    """Call `name` with all texts, `lost` when a dial failed, and `tick` now and then; read `addresses`."""

    def __init__(self, loop: AbstractEventLoop, reaches: Callable[[Address], bool], look_up: LookUp = look_up) -> None:
        self._loop = loop
        self._reaches = reaches
        self._look_up = look_up
        self._texts: tuple[str, ...] = ()
        self._found: dict[str, list[Address]] = {}
        """Per text, the one to dial first."""
        self._unknown: set[str] = set()
        self._busy = False
        self._due_s = 0.0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where to dial the named peers now; a name without an address is left out."""
        return tuple(dict.fromkeys(found[0] for text in self._texts if (found := self._found.get(text))))

    @property
    def unresolved(self) -> bool:
        """True while some text has no address."""
        return any(not self._found.get(text) for text in self._texts)

    def name(self, texts: Sequence[str]) -> None:
        """These are the peers from now on. Literal addresses are known at once."""
        self._texts = tuple(text for text in dict.fromkeys(texts) if _is_address(text))
        self._found = {text: self._found.get(text) or self._literal(text) for text in self._texts}
        self._due_s = 0.0

    def lost(self, address: Address) -> None:
        """Nobody answers there: try the name's next address, and look it up again soon."""
        for text, found in self._found.items():
            if found and found[0] == address:
                self._found[text] = [*found[1:], found[0]]
                self._due_s = 0.0

    def tick(self, now_s: float) -> None:
        """Look names up if it is time. `now_s`: monotonic."""
        names = [text for text in self._texts if not self._literal(text)]
        if names and not self._busy and now_s >= self._due_s:
            self._busy = True
            self._due_s = now_s + LOOKUP_S
            threading.Thread(target=self._resolve, args=(names,), name="names", daemon=True).start()

    def _literal(self, text: str) -> list[Address]:
        host, port = split_address(text, "peer")
        address = canonical(host.strip("[]"), port or 0)
        return [address] if address is not None and self._reaches(address) else []

    def _resolve(self, names: list[str]) -> None:
        results: dict[str, list[Address]] = {}
        try:
            for text in names:
                host, port = split_address(text, "peer")
                try:
                    found = addresses_of(host, port or 0, self._look_up)
                except OSError:
                    found = []
                results[text] = list(filter(self._reaches, found))
        finally:  # whatever happens, the next turn can be taken
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._learn, results)

    def _learn(self, results: dict[str, list[Address]]) -> None:
        self._busy = False
        for text, found in results.items():
            if text not in self._found:
                continue
            if found:
                before = self._found[text]
                keep = before[:1] if before and before[0] in found else []
                self._found[text] = keep + [one for one in found if one not in keep]
                self._unknown.discard(text)
            elif text not in self._unknown:
                self._unknown.add(text)
                log.warning("no address for this peer", peer=text, hint="check the name; it is looked up again")


def _is_address(text: str) -> bool:
    try:
        split_address(text, "peer")
    except ConfigError:  # from a trust.db that something else has written
        return False
    return True
