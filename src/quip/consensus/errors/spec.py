"""Chain specs that cannot be used."""

from __future__ import annotations


class InvalidSpec(Exception):
    """A chain spec that cannot be used: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"chain spec: {field}: {reason}" if field else f"chain spec: {reason}")
