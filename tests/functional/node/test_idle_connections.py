"""More idle connections than a node has descriptors: it answers all the same."""

import contextlib
import re
import socket
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from support.node_process import NodeProcess, wait_until

DESCRIPTORS = 128
CONNECTIONS = 300
LINES = 12  # what a start logs, and a few for the connections
FEW_DESCRIPTORS = ("sh", "-c", f'ulimit -n {DESCRIPTORS}; exec "$0" "$@"')


def sockets_of(pid: int) -> int:
    links = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(file.readlink().name)
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.parametrize("server", ["rpc", "metrics"])
def test_idle_connections_leave_both_servers_alive_and_the_log_short(tmp_path: Path, server: str) -> None:
    node = NodeProcess(tmp_path, tmp_path / "node", "--metrics-port", "0", prefix=FEW_DESCRIPTORS)
    with contextlib.ExitStack() as stack:
        stack.callback(node.end)
        client = node.client()
        metrics = wait_until(lambda: re.search(r"url=(http://\S+/metrics)", node.text()), "the metrics' address")[1]
        place = urllib.parse.urlsplit(client.url if server == "rpc" else metrics)
        idle = [
            stack.enter_context(socket.create_connection((place.hostname, place.port), 30)) for _ in range(CONNECTIONS)
        ]
        assert client.call("eth_blockNumber") == "0x0"
        with urllib.request.urlopen(metrics, timeout=30) as page:
            assert b"quip_chain_height" in page.read()
        assert node.pid is not None
        assert sockets_of(node.pid) < DESCRIPTORS // 2
        with contextlib.suppress(ConnectionResetError):
            assert idle[0].recv(1) == b""
        node.stop()
    assert node.process.returncode == 0
    assert "Traceback" not in node.text()
    assert len(node.text().splitlines()) <= LINES
