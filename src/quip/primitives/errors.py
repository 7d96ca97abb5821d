"""The two roots of errors that have something to say to somebody: to an operator, or about a peer.

OperatorError     a message and a hint: what to do about it
RuleError         a rule that was broken, the values that it compared, and whose fault it is
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Fault(Enum):
    """What the sender of a rejected message deserves."""

    AT_FAULT = "at fault"
    """An honest, synchronised node does not send this: ban."""
    EARLY = "early"
    """May become good with time: retry, don't punish."""
    BEHIND = "behind"
    """We, or they, lack ancestors: ignore."""


class OperatorError(Exception):
    """Something that whoever runs the program can put right: what is wrong, and what to do."""

    code: ClassVar[str] = "error"
    """Its kind, for programs: stays as it is from version to version."""
    exit_status: ClassVar[int] = 1
    """Of a program that ends by it: 2 where somebody has to change the configuration before another try can help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RuleError(Exception):
    """A broken rule. `values` holds the numbers and names that the rule compared; `text` is filled in with them."""

    fault: ClassVar[Fault] = Fault.AT_FAULT
    text: ClassVar[str] = "{reason}"

    def __init__(self, reason: str = "", **values: int | str) -> None:
        self.values: dict[str, int | str] = {"reason": reason, **values}
        super().__init__(self.text.format(**self.values))
