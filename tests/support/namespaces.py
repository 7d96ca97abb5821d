"""Hosts on one machine: network namespaces on a bridge, with partitions by nft. Needs root, ip and nft.

with hosts(3) as (a, b, c):
    NodeProcess(..., prefix=a.prefix);  a.rpc(node)  answers as from within
    part([a], [b, c]);  heal([a, b, c])
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from quip.rpc.client import RpcClient, RpcRefused, RpcUnreachable

CLONE_NEWNET = 0x40000000  # setns(2)
NETWORK = "10.213.77"
NAMED = Path("/var/run/netns")


def missing() -> str | None:
    """What this machine lacks; None where it can."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("ip") is None or shutil.which("nft") is None:
        return "needs ip and nft"
    probe = f"quip-probe-{os.getpid()}"
    if _run("ip", "netns", "add", probe, check=False).returncode != 0:
        return "needs a kernel that makes them"
    try:
        works = _run("ip", "netns", "exec", probe, "nft", "list", "ruleset", check=False).returncode == 0
    finally:
        _run("ip", "netns", "del", probe)
    return None if works else "needs nftables in the kernel"


def _run(*command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
    return done


@dataclass
class Host:
    """One namespace with one address."""

    name: str
    address: str
    _inside: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._inside = ThreadPoolExecutor(1, self.name, initializer=self._enter)

    def _enter(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with (NAMED / self.name).open() as namespace:
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words before a command that is to run here."""
        return ("ip", "netns", "exec", self.name)

    def call(self, data_dir: Path, method: str, *params: Any) -> Any:
        """An RPC answer of the node with that data directory; None while it does not answer."""

        def ask() -> Any:
            with contextlib.suppress(OSError, RpcUnreachable, RpcRefused):
                return RpcClient((data_dir / "rpc").read_text().strip(), 5.0).call(method, *params)
            return None

        return self._inside.submit(ask).result()

    def deaf_to(self, others: Iterable[Host]) -> None:
        """Lose every packet from the others from now on; their senders do not notice."""
        addresses = ", ".join(other.address for other in others)
        rule = f"ip saddr {{ {addresses} }} counter drop"
        table = f"table inet partition {{ chain in {{ type filter hook input priority 0; {rule}; }}; }}"
        _run(*self.prefix, "nft", "-f", "-", stdin=table + "\n")

    def hear_all(self) -> int:
        """Let everything pass again; packets that were lost."""
        words = _run(*self.prefix, "nft", "list", "table", "inet", "partition").stdout.split()
        _run(*self.prefix, "nft", "delete", "table", "inet", "partition")
        return sum(int(after) for word, after in pairwise(words) if word == "packets")

    def close(self) -> None:
        self._inside.shutdown()


def part(one: Sequence[Host], other: Sequence[Host]) -> None:
    """Neither side hears the other from now on."""
    for host in one:
        host.deaf_to(other)
    for host in other:
        host.deaf_to(one)


def heal(parted: Iterable[Host]) -> int:
    """All hear each other again; packets that were lost."""
    return sum(host.hear_all() for host in parted)


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Hosts that reach each other; nothing outside."""
    mark = f"{os.getpid():x}"[-6:]
    bridge = f"qb{mark}"
    with contextlib.ExitStack() as stack:
        _run("ip", "link", "add", bridge, "type", "bridge")
        stack.callback(_run, "ip", "link", "del", bridge, check=False)
        _run("ip", "link", "set", bridge, "up")
        made = []
        for number in range(1, count + 1):
            name, cable = f"quip-{mark}-{number}", f"q{mark}{number}"
            _run("ip", "netns", "add", name)
            stack.callback(_run, "ip", "netns", "del", name, check=False)
            _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            stack.callback(_run, "ip", "link", "del", cable, check=False)
            _run("ip", "link", "set", cable, "master", bridge, "up")
            _run("ip", "-n", name, "addr", "add", f"{NETWORK}.{number}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _run("ip", "-n", name, "link", "set", device, "up")
            host = Host(name, f"{NETWORK}.{number}")
            stack.callback(host.close)
            made.append(host)
        yield made
