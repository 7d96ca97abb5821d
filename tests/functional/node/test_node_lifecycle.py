"""A node's life: it mines, is killed, comes back, stops when told to, and refuses what it cannot do."""

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quip._native import store as native_store
from quip.net.wire.messages import HeadClaim
from quip.storage import records
from quip.storage.block_reads import all_rows
from support.chains import network_spec
from support.node_process import NodeProcess, run_program, wait_until
from support.stores import damage_row, filled_store, history
from support.wire_peer import Network, wire_peer

StartNode = Callable[..., NodeProcess]
PAGE = 4096  # bytes, of the store's file


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartNode]:
    """Starts nodes that end with the test."""
    started: list[NodeProcess] = []

    def run(*arguments: str, data_dir: str = "data", genesis: str = "test") -> NodeProcess:
        started.append(NodeProcess(tmp_path, tmp_path / data_dir, *arguments, genesis=genesis))
        return started[-1]

    yield run
    for node in started:
        if node.process.poll() is None:
            node.kill()


def test_a_killed_node_keeps_its_chain_and_goes_on(start: StartNode) -> None:
    node = start("--auto-mine")
    node.wait_for_height(3)
    before = {number: block_hash(node, number) for number in (0, 1, 2, 3)}
    miner = node.client().call("quip_getStatus")["minerId"]
    node.kill()
    assert (node.data_dir / "rpc").exists()
    again = start("--auto-mine")
    reached = again.wait_for_height(4)
    assert {number: block_hash(again, number) for number in before} == before
    assert again.client().call("quip_getStatus")["minerId"] == miner
    again.wait_for_height(reached + 2)
    assert "Traceback" not in again.text()


def block_hash(node: NodeProcess, number: int) -> str:
    block: dict[str, str] = node.client().call("eth_getBlockByNumber", hex(number), False)
    return block["hash"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_within_five_seconds(start: StartNode, number: signal.Signals) -> None:
    node = start("--auto-mine")
    node.wait_for_height(1)
    assert node.stop(number) < 5.0
    assert node.process.returncode == 0
    assert "stopped" in node.text()
    assert "Traceback" not in node.text()
    assert not (node.data_dir / "rpc").exists()


def test_without_auto_mine_it_only_follows(start: StartNode) -> None:
    node = start()
    status = node.client().call("quip_getStatus")
    assert (status["mining"], status["head"]["number"]) == (False, "0x0")
    node.stop()
    assert "--auto-mine starts it" in node.text()


def test_the_first_run_makes_keys_and_says_where_the_words_are(start: StartNode) -> None:
    node = start()
    node.client()
    node.stop()
    words = node.data_dir / "wallet" / "mnemonic"
    assert str(words) in node.text()
    assert len(words.read_text().split()) == 24
    assert words.stat().st_mode & 0o077 == 0
    again = start()
    again.client()
    again.stop()
    assert str(words) not in again.text()


def test_a_second_process_is_refused_and_the_first_is_named(start: StartNode, tmp_path: Path) -> None:
    node = start()
    node.client()
    arguments = ("cpu", "--genesis-config", "test", "--data-dir", str(node.data_dir), "--rpc-port", "0")
    done = run_program("quip-network-node", *arguments, home=tmp_path)
    assert done.returncode == 1
    assert f"in use by process {node.pid}" in done.stderr
    assert "hint: " in done.stderr


def test_two_nodes_with_their_own_ports_run_beside_each_other(start: StartNode) -> None:
    first, second = start("--auto-mine", data_dir="a"), start("--auto-mine", data_dir="b")
    first.wait_for_height(1)
    second.wait_for_height(1)
    assert first.client().url != second.client().url


def test_metrics_and_logs(start: StartNode, tmp_path: Path) -> None:
    import urllib.request

    arguments = ("--metrics-port", "0", "--node-log", str(tmp_path / "node.json"), "--http-log", str(tmp_path / "http"))
    node = start("--auto-mine", *arguments)
    node.wait_for_height(2)
    lines = [json.loads(line) for line in (tmp_path / "node.json").read_text().splitlines()]
    (url,) = (line["url"] for line in lines if line["event"] == "metrics")
    with urllib.request.urlopen(url, timeout=10) as page:
        text = page.read().decode()
    height = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("quip_chain_height "))
    assert height >= 2
    assert 'quip_miner{figure="blocks_won",miner="CPU-1"}' in text
    assert json.loads((tmp_path / "http").read_text().splitlines()[0])["status"] == 200


def test_the_service_manager_hears_when_it_is_ready(
    start: StartNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        monkeypatch.setattr("support.node_process.environment", lambda home: {
            **os.environ, "HOME": str(home), "NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "100000",
        })  # fmt: skip
        node = start()
        heard = {manager.recv(100) for _ in range(4)}
        assert heard == {b"READY=1", b"WATCHDOG=1"}
        node.process.terminate()
        wait_until(lambda: manager.recv(100) == b"STOPPING=1", "STOPPING=1")


@pytest.mark.parametrize(
    ("arguments", "status", "message", "hint"),
    [
        (("cpu", "--data-dir", "/proc/none"), 1, "cannot use the data directory /proc/none", "--data-dir"),
        (("cpu", "--genesis-config", "nowhere"), 2, "'nowhere' is neither a file", "--genesis-config"),
        (("cpu", "--config", "none.toml"), 2, "no configuration file none.toml", "--config"),
        (("cpu", "--config", "bad.toml"), 2, "unknown key 'prot' in [global]", "'port'"),
        (("--config", "bad.toml", "cpu"), 2, "unknown key 'prot' in [global]", "'port'"),
        (("cpu", "--payout", "0x12"), 2, "'0x12' is not an address", "--check-config"),
        (("cpu", "--log-level", "loud"), 2, "--log-level loud", "--check-config"),
        (("cpu", "--listen", "192.0.2.1"), 1, "192.0.2.1 is no address of this machine", "--listen"),
        (("cpu", "--require-client-ca", "none.pem"), 2, "none.pem", "check the path"),
        (("cpu", "--tls-cert-file", "a.crt", "--tls-key-file", "a.key"), 2, "tls_cert_file: ", "check the path"),
        (("cpu", "--data-dir", "other"), 1, "chain id 20050", "--genesis-config"),
    ],
)
def test_what_cannot_work_is_explained(
    tmp_path: Path, arguments: tuple[str, ...], status: int, message: str, hint: str
) -> None:
    (tmp_path / "bad.toml").write_text("[global]\nprot = 1\n")
    if "other" in arguments:
        other = NodeProcess(tmp_path, tmp_path / "other", genesis="dev")
        other.client()
        other.stop()
    more = () if "--genesis-config" in arguments else ("--genesis-config", "test")
    done = run_program("quip-network-node", *arguments, *more, "--port", "0", home=tmp_path)
    assert done.returncode == status
    assert message in done.stderr
    assert hint in done.stderr.partition("hint: ")[2]
    assert "Traceback" not in done.stderr


def test_damage_that_shows_while_it_runs_ends_it_with_a_hint(start: StartNode, tmp_path: Path) -> None:
    """A peer speaks of a block whose work is damaged on the disk, where no start looks at it."""
    store_file = tmp_path / "data" / "store.redb"
    store_file.parent.mkdir()
    filled_store(store_file, len(history().blocks))
    store = native_store.Store.open(store_file)
    contexts = dict(all_rows(store, records.CONTEXTS))
    store.close()
    untouched = contexts[history().heads[0]], contexts[history().heads[-1]]  # genesis and head
    block_hash = next(key for key, row in contexts.items() if not share_a_page(store_file, row, untouched))
    (header,) = [block.header for block in history().blocks if block.header.hash == block_hash]
    damage_row(store_file, contexts[block_hash])
    node = start()
    wait_until(lambda: node.url, "the node")  # its status would read the damaged row, too
    network = Network(network_spec().chain_id, history().heads[0])

    async def speak() -> None:
        async with wire_peer() as peer:
            await peer.dial(node.port)
            await peer.join(network, HeadClaim(block_hash, header.number, 1))
            await peer.until_closed()

    asyncio.run(speak())
    node.process.wait(10.0)
    assert node.process.returncode == 1
    assert "is damaged" in node.text()
    assert "hint: run: quip db check --data-dir" in node.text()
    assert "Traceback" not in node.text()


def share_a_page(file: Path, row: bytes, others: tuple[bytes, ...]) -> bool:
    """Does the file have the row in a page where it has one of the others?"""
    data = file.read_bytes()
    pages = {place.start() // PAGE for place in re.finditer(re.escape(row), data)}
    return any(place.start() // PAGE in pages for other in others for place in re.finditer(re.escape(other), data))


@pytest.mark.parametrize(
    "wrong",
    [
        ("--listen", "192.0.2.1"),
        ("--rpc-port", "{taken}"),
        ("--metrics-port", "{taken}"),
        ("--require-client-ca", "nobody.pem"),
        ("--tls-cert-file", "nobody.crt", "--tls-key-file", "nobody.key"),
        ("--payout", "nonsense"),
    ],
    ids=lambda wrong: wrong[0],
)
def test_a_node_that_cannot_run_makes_no_keys(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("cpu", "--genesis-config", "test", "--data-dir", "d", "--port", "0")
        done = run_program("quip-network-node", *arguments, *(text.format(taken=port) for text in wrong), home=tmp_path)
    refused_by_configuration = ("--payout", "--require-client-ca", "--tls-cert-file")
    assert done.returncode == (2 if wrong[0] in refused_by_configuration else 1)
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    left = [found.name for found in (tmp_path / "d").iterdir()] if (tmp_path / "d").is_dir() else []
    assert left in ([], ["lock"])


def test_the_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run_program("quip-network-node", "cpu", "--genesis-config", "test", "--rpc-port", port, home=tmp_path)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "--rpc-port" in done.stderr


def test_check_config_prints_the_merged_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[global]\nport = 1\n[qpu]\ndwave_api_key = "DEV-secret"\n')
    done = run_program("quip-network-node", "--config", "c.toml", "gpu", "--port", "2", "--check-config", home=tmp_path)
    assert done.returncode == 0
    assert 'default = "gpu"' in done.stdout
    assert "port = 2" in done.stdout
    assert "DEV-secret" not in done.stdout + done.stderr
