"""How often functions are called, while they do what they always do."""

from collections import Counter
from types import ModuleType
from typing import Any

import pytest

from quip.consensus import rules
from quip.consensus.execution import transition

BLOCK_RULES = (
    (rules, "check_gate"),
    (rules, "check_header"),
    (rules, "check_signature"),
    (transition, "check_body"),
    (rules, "check_time"),
    (transition, "execute"),
)
"""Everything that a block is asked, in the order in which it is."""


def count_calls(monkeypatch: pytest.MonkeyPatch, *functions: tuple[ModuleType, str]) -> Counter[str]:
    """By name; it goes on counting until the end of the test."""
    calls = Counter({name: 0 for _, name in functions})

    def counted(module: ModuleType, name: str) -> None:
        function = getattr(module, name)

        def count(*arguments: Any) -> Any:
            calls[name] += 1
            return function(*arguments)

        monkeypatch.setattr(module, name, count)

    for module, name in functions:
        counted(module, name)
    return calls
