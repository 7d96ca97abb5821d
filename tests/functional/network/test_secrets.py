"""Nothing secret leaves a node: all that three nodes say to peers, over RPC, in logs and blocks is searched.

A peer of the test's own joins each node, asks every request that there is, and keeps every byte that it is told. The
datagrams themselves are recorded too where this process may (as root).
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import get_args

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from quip.net.quic.node_identity import NodeIdentity
from quip.net.wire import messages
from quip.net.wire.messages import HeadClaim, Message
from quip.rpc.client import RpcClient, RpcRefused
from quip.rpc.methods.table import METHODS
from quip.wallet.accounts.mnemonic import PURPOSE_MINING, Mnemonic
from support.easy_chain import easy_chain
from support.node_process import NodeProcess, run_program, wait_until
from support.secrets_found import found, spellings, word_spellings
from support.wire_peer import Network, wire_peer

HEIGHT = 4
ALL_DATAGRAMS = 0x0003  # ETH_P_ALL, packet(7)


def start(home: Path, number: int, peers: list[str]) -> NodeProcess:
    """A node whose configuration holds secrets of its own; the second one has a key from files."""
    files = ""
    if number == 2:
        given = NodeIdentity.open(home / "given")
        assert given.node_id
        files = f'tls_cert_file = "{home}/given/node.crt"\ntls_key_file = "{home}/given/node.key"\n'
    config = home / f"{number}.toml"
    config.write_text(f'[global]\n{files}[qpu]\ndwave_api_key = "DEV-secret-{number}-0123456789abcdef"\n')
    logs = ("--node-log", str(home / f"{number}.json"), "--http-log", str(home / f"{number}.http"))
    joined = [word for peer in peers for word in ("--peer", peer)]
    mining = ("--auto-mine",) if number == 1 else ()
    return NodeProcess(
        home, home / f"node-{number}", "--config", str(config), "--log-level", "DEBUG", *logs, *joined, *mining,
        genesis=easy_chain(home),
    )  # fmt: skip


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[NodeProcess]]:
    with ExitStack() as stack:
        made: list[NodeProcess] = []
        for number in (1, 2, 3):
            made.append(start(tmp_path, number, [f"127.0.0.1:{node.port}" for node in made]))
            stack.callback(made[-1].end)
            made[-1].client()
        yield made


def private_bytes(file: Path) -> Iterable[bytes]:
    """A key file's secret number, and the lines of its PEM."""
    text = file.read_bytes()
    key = serialization.load_pem_private_key(text, None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        yield from spellings(key.private_bytes_raw())
    else:
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        yield from spellings(key.private_numbers().private_value.to_bytes(32, "big"))
    yield from (line for line in text.splitlines() if not line.startswith(b"-----"))


def secrets_of(node: NodeProcess, number: int, home: Path, chain_id: int) -> dict[str, list[bytes]]:
    """What node `number` must keep to itself, in every spelling."""
    wallet, identity = (Mnemonic.load(node.data_dir / part / "mnemonic") for part in ("wallet", "identity"))
    seeds = identity.xmss_seeds(chain_id, PURPOSE_MINING, 0)
    journal = (node.data_dir / "identity" / "journal-0").read_bytes()
    key_file = home / "given" / "node.key" if number == 2 else next(node.data_dir.rglob("node.key"))
    words = [(node.data_dir / part / "mnemonic").read_text() for part in ("wallet", "identity")]
    forms: dict[str, Iterable[bytes]] = {
        "D-Wave key": spellings(f"DEV-secret-{number}-0123456789abcdef".encode()),
        "payout words": word_spellings(words[0]),
        "payout key": spellings(wallet.ecdsa_secret(0)),
        "mining words": word_spellings(words[1]),
        "mining ECDSA key": spellings(identity.ecdsa_secret(0)),
        "mining XMSS seed": spellings(seeds[:32]),
        "mining XMSS PRF key": spellings(seeds[32:64]),  # the last 32 bytes are the public seed
        "mining journal": spellings(journal[:64]),
        "node key": private_bytes(key_file),
    }
    return {f"{name} of node {number}": list(each) for name, each in forms.items()}


@contextmanager
def all_datagrams(ports: set[int]) -> Iterator[bytearray]:
    """Every UDP payload on loopback from or to the ports; nothing where this process may not look."""
    heard = bytearray()
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_DATAGRAMS))
    except (AttributeError, PermissionError):
        yield heard
        return
    with tap:
        tap.bind(("lo", 0))
        tap.settimeout(0.2)
        end = threading.Event()

        def listen() -> None:
            while not end.is_set():
                try:
                    packet = tap.recv(65_535)
                except TimeoutError:
                    continue
                udp = packet[14 + (packet[14] & 15) * 4 :] if packet[12:14] == b"\x08\x00" and packet[23] == 17 else b""
                if ports & {int.from_bytes(udp[0:2], "big"), int.from_bytes(udp[2:4], "big")}:
                    heard.extend(udp[8:])

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield heard
        finally:
            end.set()
            thread.join()


def requests(network: Network, head: HeadClaim) -> list[Message]:
    """One of every kind; none is forgotten when a kind is added."""
    made: list[Message] = [
        messages.HeadersRequest((network.genesis,), 512), messages.SealsRequest((head.hash,)),
        messages.BodiesRequest((head.hash,)), messages.BlockRequest(head.hash),
        messages.TransactionsRequest((bytes(32),)), messages.PeersRequest(), messages.StatusRequest(),
        messages.StatsRequest(),
    ]  # fmt: skip
    assert {type(one) for one in made} == set(get_args(messages.Request))
    return made


async def told_to_a_peer(node: NodeProcess, network: Network, head: HeadClaim) -> bytes:
    """All that a node says to somebody who asks for everything and listens until the next block."""
    async with wire_peer("127.0.0.9") as peer:
        await peer.enter(node.port, network)
        for request in requests(network, head):
            assert await peer.ask(request) is not None, (request, peer.closed)
        await peer.until(lambda: any(not isinstance(one, messages.Heartbeat) for _, one in peer.pushed), "gossip")
        return bytes(peer.heard)


def told_over_rpc(client: RpcClient) -> bytes:
    """The answers of every method, and every block as it travels."""
    height = int(client.call("eth_blockNumber"), 16)
    said = [client.call("quip_getRawBlock", hex(number)) for number in range(height + 1)]
    block = client.call("eth_getBlockByNumber", "latest", False)
    arguments = {
        "eth_getBlockByNumber": ("latest", True), "eth_getBlockByHash": (block["hash"], True),
        "eth_getBalance": (block["miner"], "latest"),
    }  # fmt: skip
    for name in (row[0] for row in METHODS):
        try:
            said.append(client.call(name, *arguments.get(name, ())))
        except RpcRefused as refusal:
            said.append(str(refusal))
    return json.dumps(said).encode() + b"".join(bytes.fromhex(raw[2:]) for raw in said[: height + 1])


async def test_no_secret_is_in_traffic_blocks_logs_or_answers(nodes: list[NodeProcess], tmp_path: Path) -> None:
    clients = [node.client() for node in nodes]
    network = Network.of(clients[0])
    traces: dict[str, bytes] = {}
    with all_datagrams({node.port for node in nodes}) as datagrams:
        wait_until(lambda: all(int(one.call("eth_blockNumber"), 16) >= HEIGHT for one in clients), "blocks everywhere")
        found_head = clients[0].call("eth_getBlockByNumber", hex(HEIGHT), False)
        head = HeadClaim(bytes.fromhex(found_head["hash"][2:]), HEIGHT, int(found_head["totalDifficulty"], 16))
        for number, (node, client) in enumerate(zip(nodes, clients, strict=True), 1):
            traces[f"what node {number} tells a peer"] = await told_to_a_peer(node, network, head)
            traces[f"what node {number} answers"] = told_over_rpc(client)
            peers = run_program("quip", "peers", "list", "--data-dir", str(node.data_dir), home=tmp_path)
            traces[f"peers of node {number}"] = (peers.stdout + peers.stderr).encode()
    for number, node in enumerate(nodes, 1):
        node.stop()
        logs = [node.output, tmp_path / f"{number}.json", tmp_path / f"{number}.http"]
        traces[f"logs of node {number}"] = b"".join(log.read_bytes() for log in logs)
    if os.geteuid() == 0:
        traces["datagrams"] = bytes(datagrams)
    secrets = {
        name: forms
        for number, node in enumerate(nodes, 1)
        for name, forms in secrets_of(node, number, tmp_path, network.chain_id).items()
    }
    assert min(map(len, traces.values())) > 100, "something was not recorded"
    assert found(secrets, traces) == []


@pytest.mark.parametrize("offset", range(5))
def test_the_search_finds_what_is_there(offset: int) -> None:
    import base64

    secret = os.urandom(32)
    words = "abandon ability able about above absent absorb abstract"
    hidden = {
        "raw": bytes(offset) + secret + b"z",
        "hex": f"0x{(bytes(offset) + secret).hex()}".encode(),
        "base64": base64.b64encode(b"z" * offset + secret + b"more"),
        "words": json.dumps({"words": words.split()[offset % 4 :]}).encode(),
        "nothing": os.urandom(1_000),
    }
    assert found({"key": list(spellings(secret))}, hidden) == [f"key in {name}" for name in ("raw", "hex", "base64")]
    assert found({"words": list(word_spellings(words))}, hidden) == ["words in words"]
