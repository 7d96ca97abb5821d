"""A dictionary that forgets its oldest entries. Readers never change it, so they need no lock beside the writer."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(Generic[K, V]):
    """At most `limit` entries, first in, first out. One writer; `get` and `in` may run in other threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value of a key, None if it was never put or is forgotten."""
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        """Add or replace an entry; forgets the oldest one above the limit."""
        self._entries[key] = value
        if len(self._entries) > self._limit:
            del self._entries[next(iter(self._entries))]

    def drop(self, key: K) -> None:
        """Forget a key, if it is there."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries = {}

    def keys(self) -> list[K]:
        """The keys, oldest first."""
        return list(self._entries)

    def items(self) -> list[tuple[K, V]]:
        """Everything, oldest first."""
        return list(self._entries.items())

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)
