"""Two real nodes mine apart, meet, and the chain that wins shows the blocks that lost."""

from pathlib import Path

from quip.localnet.plan import free_udp_ports
from support.node_process import NodeProcess, run_json, wait_until

APART = 3
"""Blocks that each makes by itself, at least."""


def first(node: NodeProcess) -> str:
    """Hash of its canonical block 1."""
    return str(node.client().call("eth_getBlockByNumber", "0x1", False)["hash"])


def shown(node: NodeProcess) -> set[str]:
    """Hashes of the ommers of all canonical blocks."""
    client = node.client()
    blocks = [client.call("eth_getBlockByNumber", hex(number), False) for number in range(node.number() + 1)]
    return {uncle for block in blocks for uncle in block["uncles"]}


def test_a_fork_is_shown_by_the_chain_that_won(tmp_path: Path) -> None:
    ports = list(map(str, free_udp_ports(2)))
    one = NodeProcess(tmp_path, tmp_path / "one", "--auto-mine", "--port", ports[0])
    other = NodeProcess(tmp_path, tmp_path / "other", "--auto-mine", "--port", ports[1])
    try:
        for node in (one, other):
            node.wait_for_height(APART)
        alone = {first(one), first(other)}
        assert len(alone) == 2
        other.stop()
        other = NodeProcess(
            tmp_path, tmp_path / "other", "--auto-mine", "--port", ports[1], "--peer", f"localhost:{ports[0]}"
        )
        wait_until(lambda: first(other) == first(one), "one chain")
        wait_until(lambda: alone - {first(one)} <= shown(one), "the block that lost is shown")
        height = one.number()
        one.stop()
        other.stop()
    finally:
        one.end()
        other.end()
    for name in ("one", "other"):
        assert run_json("quip", "db", "check", "--data-dir", str(tmp_path / name), home=tmp_path)["sound"]
    verified = run_json("quip", "chain", "verify", "--data-dir", str(tmp_path / "one"), home=tmp_path)
    assert verified["blocks"] > height
