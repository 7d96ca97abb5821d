"""CPUs: what the machine has, and what a control group leaves."""

from pathlib import Path

import pytest

from quip.node.config import cpus
from quip.node.config.cpus import cpu_quota, logical_cpus, mining_cpus


def group(tmp_path: Path, line: str, files: dict[str, str]) -> float | None:
    """The quota of a process in such a group."""
    (tmp_path / "cgroup").write_text(line + "\n")
    for name, content in files.items():
        file = tmp_path / "sys" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return cpu_quota(tmp_path / "cgroup", tmp_path / "sys")


@pytest.mark.parametrize(
    ("line", "files", "quota"),
    [
        ("0::/", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/", {"cpu.max": "max 100000\n"}, None),
        ("0::/", {}, None),
        ("0::/system.slice/quip.service", {"system.slice/quip.service/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "300000 100000\n"}, 0.5),
        ("0::/docker/abc", {"cpu.max": "400000 100000\n"}, 4.0),  # seen from within a container
        ("4:cpu,cpuacct:/x", {"cpu,cpuacct/x/cpu.cfs_quota_us": "250000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
         2.5),
        ("4:cpu,cpuacct:/x", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1.0),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("4:memory:/", {"cpu.max": "100000 100000"}, None),
        ("nonsense", {"cpu.max": "100000 100000"}, None),
        ("0::/", {"cpu.max": "nonsense"}, None),
    ],
)  # fmt: skip
def test_the_tightest_quota_counts(line: str, files: dict[str, str], quota: float | None, tmp_path: Path) -> None:
    assert group(tmp_path, line, files) == quota


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path / "none", tmp_path / "none") is None


@pytest.mark.parametrize(
    ("allowed", "quota", "usable", "mining"),
    [(8, None, 8, 8), (8, 1.5, 2, 1), (8, 4.0, 4, 3), (2, 4.0, 2, 2), (8, 0.2, 1, 1), (8, 8.0, 8, 7)],
)
def test_workers_keep_to_the_quota_and_leave_one_to_the_network(
    allowed: int, quota: float | None, usable: int, mining: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(allowed)), raising=False)
    monkeypatch.setattr(cpus, "cpu_quota", lambda: quota)
    assert logical_cpus() == usable
    assert mining_cpus(logical_cpus()) == mining
