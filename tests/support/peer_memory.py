"""A peer storage in memory: what `trust.db` is on disk."""

from quip.net.address import Address
from quip.net.ports import Ban, KnownAddress


class PeerMemory:
    """Survives as long as the test keeps it, so an overlay can be restarted on it."""

    def __init__(self) -> None:
        self.pins: dict[Address, bytes] = {}
        self.banned: dict[str, Ban] = {}
        self.named: list[str] = []
        self.rows: list[KnownAddress] = []
        self.dialled_first: list[Address] = []

    def pin_of(self, address: Address) -> bytes | None:
        return self.pins.get(address)

    def pin(self, address: Address, node_id: bytes) -> None:
        self.pins[address] = node_id

    def bans(self) -> list[Ban]:
        return list(self.banned.values())

    def save_ban(self, ban: Ban) -> None:
        self.banned[ban.subject] = ban

    def manual(self) -> list[str]:
        return list(self.named)

    def addresses(self) -> list[KnownAddress]:
        return list(self.rows)

    def save_addresses(self, rows: list[KnownAddress], anchors: list[Address]) -> None:
        self.rows, self.dialled_first = list(rows), list(anchors)

    def anchors(self) -> list[Address]:
        return list(self.dialled_first)
