"""Real nodes on loopback: they find each other, fetch the chain, follow it, and come back after a crash."""

import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quip.localnet.plan import free_udp_ports
from support.node_process import NodeProcess, run_program, wait_until

StartNode = Callable[..., NodeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartNode]:
    """Starts nodes that end with the test."""
    started: list[NodeProcess] = []

    def run(name: str, *arguments: str, peer: NodeProcess | None = None, **more: Any) -> NodeProcess:
        peers = () if peer is None else ("--peer", f"localhost:{peer.port}")
        started.append(NodeProcess(tmp_path, tmp_path / name, *peers, *arguments, **more))
        return started[-1]

    yield run
    for node in started:
        if node.process.poll() is None:
            node.kill()
    texts = {node.data_dir.name: node.text() for node in started}
    assert {name for name, text in texts.items() if "Traceback" in text} == set(), texts


def peers_of(node: NodeProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.client().call("quip_getPeers")
    return found


def wait_for_peers(node: NodeProcess, count: int) -> list[dict[str, Any]]:
    wait_until(lambda: len(peers_of(node)) == count, f"{count} peers of {node.data_dir.name}:\n{node.text()}")
    return peers_of(node)


def block_hash(node: NodeProcess, number: int) -> str:
    block: dict[str, str] = node.client().call("eth_getBlockByNumber", hex(number), False)
    return block["hash"]


def wait_for_one_head(*nodes: NodeProcess) -> str:
    """The head that all nodes share."""

    def shared() -> str | None:
        heads = {node.client().call("quip_getStatus")["head"]["hash"] for node in nodes}
        return heads.pop() if len(heads) == 1 else None

    head: str = wait_until(shared, "one head")
    return head


def test_a_follower_fetches_the_chain_and_follows_it(start: StartNode) -> None:
    miner = start("miner", "--auto-mine")
    miner.wait_for_height(20)
    follower = start("follower", peer=miner)
    follower.wait_for_height(20)
    follower.wait_for_height(miner.number() + 3)
    assert block_hash(follower, 20) == block_hash(miner, 20)
    (seen,), (back,) = wait_for_peers(follower, 1), wait_for_peers(miner, 1)
    assert (seen["direction"], back["direction"]) == ("manual", "inbound")
    assert seen["nodeId"] == miner.client().call("quip_getStatus")["nodeId"]
    assert seen["address"] == f"127.0.0.1:{miner.port}"
    assert seen["bytesIn"] > 0
    assert follower.client().call("net_peerCount") == "0x1"
    assert follower.client().call("net_listening") is True
    wait_until(lambda: follower.client().call("eth_syncing") is False, "the end of the sync")
    miner.stop()
    assert "synced" in follower.text()
    wait_for_peers(follower, 0)


def test_a_restart_keeps_the_identity_and_peers_come_back(start: StartNode) -> None:
    bootstrap = start("bootstrap", "--auto-mine")
    bootstrap.wait_for_height(3)
    before = bootstrap.client().call("quip_getStatus")["nodeId"]
    follower = start("follower", peer=bootstrap)
    follower.wait_for_height(3)
    bootstrap.kill()
    again = start("bootstrap", "--auto-mine", "--port", str(bootstrap.port))
    assert again.client().call("quip_getStatus")["nodeId"] == before
    height = again.number()
    wait_for_peers(again, 1)
    follower.wait_for_height(height + 3)
    text = follower.text()  # it was told, by a stateless reset or by a newer connection, and waited for no time-out
    assert "no sign of life" not in text
    assert "silent for too long" not in text


def figures_of(node: NodeProcess) -> dict[str, float]:
    """The metrics page, by name and labels."""
    url = next(line for line in node.text().splitlines() if "/metrics" in line).partition("url=")[2].strip()
    with urllib.request.urlopen(url, timeout=10) as page:
        rows = [line.rsplit(" ", 1) for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_two_miners_share_one_chain_and_cancel_each_others_work(start: StartNode) -> None:
    first = start("first", "--auto-mine", "--metrics-port", "0", genesis="dev")
    first.wait_for_height(1)
    second = start("second", "--auto-mine", peer=first, genesis="dev")

    arrived = "quip_block_delay_seconds_count"
    wait_until(lambda: figures_of(first)[arrived] >= 1, "a block of the second at the first", 120.0)
    assert len(second.client().call("quip_getMiners")["chain"]) == 2
    assert "another node signs" not in first.text() + second.text()
    figures = figures_of(first)
    assert figures['quip_peers{direction="inbound"}'] == 1
    assert figures['quip_network_bytes{way="in"}'] > 0
    for name in ("quip_block_delay_seconds", "quip_work_cancel_seconds"):  # from arrival to our head, and from there on
        assert figures[f'{name}_bucket{{le="+Inf"}}'] == figures[f"{name}_count"] > 0, name
    second.stop()
    first.wait_for_height(first.number() + 1)


def test_a_miner_fetches_the_chain_before_it_mines(start: StartNode) -> None:
    elder = start("elder", "--auto-mine")
    elder.wait_for_height(10)
    elder.stop()
    young = start("young", "--auto-mine", peer=elder)
    status = young.client().call("quip_getStatus")
    assert status["idleBecause"] == "the first sync: no peer has answered yet"
    again = start("elder", "--port", str(elder.port))
    young.wait_for_height(12)
    assert block_hash(young, 10) == block_hash(again, 10)
    wait_until(lambda: "miner='this node'" in young.text(), "a block of its own", 60.0)
    text = young.text()
    synced = next(line for line in text.splitlines() if "synced" in line)
    assert "because='no peer has more'" in synced
    assert int(synced.partition("head=")[2].split()[0]) >= 10
    assert text.index("synced") < text.index("miner='this node'")


def test_a_node_that_names_itself_mines_at_once(start: StartNode) -> None:
    port = str(free_udp_ports()[0])
    node = start("alone", "--listen", "127.0.0.1", "--port", port, "--public-host", f"127.0.0.1:{port}",
                 "--auto-mine", "--peer", f"127.0.0.1:{port}")  # fmt: skip
    node.wait_for_height(2)
    assert peers_of(node) == []


def test_it_stops_in_time_with_peers_and_in_the_middle_of_a_sync(start: StartNode) -> None:
    miner = start("miner", "--auto-mine")
    miner.wait_for_height(60)
    follower = start("follower", peer=miner)
    wait_for_peers(follower, 1)
    assert follower.stop() < 5.0
    assert follower.process.returncode == 0
    assert miner.stop() < 5.0
    assert miner.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_is_a_clean_end(start: StartNode, number: signal.Signals) -> None:
    node = start("node")

    def has_handler() -> bool:
        status = Path(f"/proc/{node.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught.split()[1], 16) & 1 << signal.SIGTERM - 1)

    wait_until(has_handler, "a handler of SIGTERM")
    assert node.stop(number) < 5.0
    assert node.process.returncode == 0
    assert "Traceback" not in node.text()


def test_another_chain_is_refused_politely(start: StartNode) -> None:
    host = start("host")
    host.client()
    stranger = start("stranger", peer=host, genesis="dev")
    stranger.client()
    wait_until(lambda: "chain" in refusal(stranger), f"the refusal:\n{stranger.text()}")
    assert peers_of(stranger) == []
    assert peers_of(host) == []


def refusal(node: NodeProcess) -> str:
    return "\n".join(line for line in node.text().splitlines() if "refuse" in line)


def test_a_changed_key_is_refused_until_the_operator_trusts_it(start: StartNode, tmp_path: Path) -> None:
    host = start("host")
    guest = start("guest", peer=host)
    wait_for_peers(guest, 1)
    host.stop()
    for name in ("node.key", "node.crt", "trust.db"):  # another machine has the address now
        (host.data_dir / name).unlink()
    again = start("host", "--port", str(host.port))
    again.client()
    wait_until(lambda: "quip peers trust" in guest.text(), f"the hint:\n{guest.text()}")
    assert peers_of(guest) == []
    command = ("peers", "trust", f"127.0.0.1:{host.port}", "--data-dir", str(guest.data_dir))
    done = run_program("quip", *command, home=tmp_path)
    assert done.returncode == 0, done.stderr
    wait_for_peers(guest, 1)


def test_a_ban_cuts_off_and_lifting_it_lets_in_again(start: StartNode, tmp_path: Path) -> None:
    host = start("host")
    guest = start("guest", peer=host)
    wait_for_peers(host, 1)
    node_id = guest.client().call("quip_getStatus")["nodeId"][2:]
    at_host = ("--data-dir", str(host.data_dir))
    assert run_program("quip", "peers", "ban", node_id[:16], *at_host, home=tmp_path).returncode == 0
    wait_for_peers(host, 0)
    wait_for_peers(guest, 0)
    assert run_program("quip", "peers", "unban", node_id, *at_host, home=tmp_path).returncode == 0
    wait_for_peers(guest, 1)
