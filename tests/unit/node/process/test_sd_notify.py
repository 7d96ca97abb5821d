"""sd_notify."""

import os
import socket
from pathlib import Path

from quip.node.process.sd_notify import ServiceNotifier


def test_states_arrive_at_the_socket(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(5)
        assert ServiceNotifier({"NOTIFY_SOCKET": str(path)}).send("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_is_sent(tmp_path: Path) -> None:
    assert not ServiceNotifier({}).send("READY=1")
    assert not ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).send("READY=1")


def test_watchdog_interval_is_half_the_limit_and_only_ours() -> None:
    assert ServiceNotifier({"WATCHDOG_USEC": "10000000"}).watchdog_s == 5.0
    assert ServiceNotifier({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 5.0
    assert ServiceNotifier({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert ServiceNotifier({}).watchdog_s is None
