"""How many CPUs this process may use: those it may run on, and what its control group leaves of them."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

GROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")


def logical_cpus() -> int:
    """The CPUs that this process may keep busy, at least one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def mining_cpus(available: int) -> int:
    """Worker threads where the operator names no number. Under a quota one CPU is left to the network: whoever uses the
    quota up stands still for the rest of the period, with everything that it was about to answer."""
    quota = cpu_quota()
    return available if quota is None or quota > available else max(1, available - 1)


def cpu_quota(groups: Path = GROUPS, mounted: Path = MOUNTED) -> float | None:
    """CPUs that the control groups of this process allow, the tightest of them; None without a limit, or control
    groups. (Kernel documentation: cgroup-v2, cpu.max; scheduler/sched-bwc, cpu.cfs_quota_us.)"""
    found: list[float] = []
    with suppress(OSError, ValueError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                found += _quotas(mounted, path, _of_v2)
            elif "cpu" in controllers.split(","):
                for name in (controllers, "cpu"):
                    found += _quotas(mounted / name, path, _of_v1)
    return min(found, default=None)


def _quotas(root: Path, path: str, read: Callable[[Path], float]) -> Iterator[float]:
    """Of a group and all above it. In a container the path may be the host's: then only the root is there."""
    group = root / path.lstrip("/")
    for directory in dict.fromkeys((group, *group.parents, root)):
        if directory == root or root in directory.parents:
            with suppress(OSError, ValueError):
                quota = read(directory)
                if quota > 0:
                    yield quota


def _of_v2(directory: Path) -> float:
    quota, period = (directory / "cpu.max").read_text().split()
    return int(quota) / int(period)  # "max" is no number, and no limit


def _of_v1(directory: Path) -> float:
    quota = int((directory / "cpu.cfs_quota_us").read_text())
    return quota / int((directory / "cpu.cfs_period_us").read_text())  # -1 is no limit
