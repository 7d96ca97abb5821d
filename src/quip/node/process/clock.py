"""The one clock of the node, and the watch that notices when somebody moves it.

Block times come from the wall clock; how long something took comes from the monotonic clock. When the two drift apart
by more than JUMP_S between two looks, the wall clock was set: mining waits until it has been steady for SETTLE_S.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

JUMP_S = 5.0  # NTP slews by milliseconds; five seconds is a hand or a step
SETTLE_S = 30.0  # a clock that is being put right usually moves more than once
CLOCK_HINT = "check the system's time and its NTP service (timedatectl); mining goes on once the clock is steady"


def wall_s() -> float:
    """Seconds since the epoch."""
    return time.time()


def steady_s() -> float:
    """Seconds that only go forward, through suspend too where the system has such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Jump:
    """The wall clock moved by `by_s` seconds against the steady clock."""

    by_s: float

    def __str__(self) -> str:
        return f"the clock jumped {'forwards' if self.by_s > 0 else 'backwards'} by {abs(self.by_s):.0f} s"


class ClockWatch:
    """Compares the two clocks at each `look`."""

    def __init__(self, wall: Callable[[], float] = wall_s, steady: Callable[[], float] = steady_s) -> None:
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        self._unsettled_until = 0.0

    def now(self) -> int:
        """Whole seconds since the epoch, as block times count."""
        return int(self._wall())

    def monotonic(self) -> float:
        """Seconds of the steady clock."""
        return self._steady()

    def look(self) -> Jump | None:
        """The jump since the last look, if there was one."""
        steady = self._steady()
        offset = self._wall() - steady
        moved, self._offset = offset - self._offset, offset
        if abs(moved) <= JUMP_S:
            return None
        self._unsettled_until = steady + SETTLE_S
        return Jump(moved)

    @property
    def steady(self) -> bool:
        """False for SETTLE_S after a jump."""
        return self._steady() >= self._unsettled_until


def as_duration(seconds: float) -> str:
    """A time for people, in its two largest units.

    >>> as_duration(4.2), as_duration(200), as_duration(7_300), as_duration(200_000)
    ('4.2 s', '3 min 20 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if minutes < 60:
        return f"{minutes} min {int(seconds % 60)} s"
    if hours < 24:
        return f"{hours} h {minutes % 60} min"
    return f"{days} d {hours % 24} h"


def utc(unix_s: int) -> str:
    """A moment for people.

    >>> utc(1_700_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
