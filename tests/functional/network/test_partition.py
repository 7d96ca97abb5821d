"""Three hosts, a partition, two branches; when the network heals, the heavier branch is everybody's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.easy_chain import easy_chain
from support.namespaces import Host, heal, hosts, missing, part
from support.node_process import NodeProcess, wait_until

PORT = "20049"  # each host has all ports for itself
QUICK = ("--heartbeat-interval", "1", "--heartbeat-timeout", "4")
ALONE = 2
"""Blocks that the lighter side makes by itself."""
AHEAD = 2
"""Blocks by which the heavier side leads before the network heals, so that the other cannot catch up meanwhile."""
DEADLINE_S = 120.0


@dataclass
class Member:
    """A host and its node."""

    host: Host
    node: NodeProcess

    def head(self) -> tuple[int, int, str]:
        """(total difficulty, number, hash); zeros while it does not answer."""
        assert self.node.process.poll() is None, self.node.text()
        status = self.host.call(self.node.data_dir, "quip_getStatus")
        if status is None:
            return 0, 0, ""
        head = status["head"]
        return int(head["totalDifficulty"], 16), int(head["number"], 16), head["hash"]

    def peers(self) -> int:
        status = self.host.call(self.node.data_dir, "quip_getStatus")
        return status["peers"] if status is not None else -1

    def hash_at(self, number: int) -> str:
        block: dict[str, Any] | None = self.host.call(self.node.data_dir, "eth_getBlockByNumber", hex(number), False)
        return block["hash"] if block else ""


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[Member]]:
    """Three mining nodes: the first is the bootstrap, the others know each other too."""
    reason = missing()
    if reason is not None:
        pytest.skip(f"network namespaces: {reason}")
    with contextlib.ExitStack() as stack:
        made: list[Member] = []
        for host in stack.enter_context(hosts(3)):
            peers = [word for member in made for word in ("--peer", f"{member.host.address}:{PORT}")]
            node = NodeProcess(
                tmp_path, tmp_path / host.name, "--listen", host.address, "--port", PORT, *peers, *QUICK, "--auto-mine",
                genesis=easy_chain(tmp_path), prefix=host.prefix,
            )  # fmt: skip
            stack.callback(node.end)
            made.append(Member(host, node))
            wait_until(lambda: made[-1].head()[2], f"an answer of {host.name}")
        yield made


def one_tip(members: list[Member], least: int) -> str:
    """The hash that all name, if it is at least so high."""
    heads = [member.head() for member in members]
    same = len({head[2] for head in heads}) == 1
    return heads[0][2] if same and heads[0][1] >= least else ""


def until(condition: Callable[[], Any], what: str) -> Any:
    return wait_until(condition, what, DEADLINE_S)


def test_a_partition_heals_to_the_heavier_branch(members: list[Member]) -> None:
    alone, *others = members
    until(lambda: one_tip(members, 2), "one tip before the partition")
    part([alone.host], [member.host for member in others])
    until(lambda: alone.peers() == 0, "the end of all connections across the partition")
    fork = max(member.head()[1] for member in members)

    def apart() -> tuple[Member, tuple[int, int, str], tuple[int, int, str]] | None:
        (lighter, loser), (heavier, _) = sorted(((one.head(), one) for one in (alone, others[0])), key=lambda it: it[0])
        far = lighter[1] >= fork + ALONE and heavier[1] >= lighter[1] + AHEAD and one_tip(others, 1)
        return (loser, lighter, heavier) if far else None

    loser, lost, won = until(apart, "two branches, one of them heavier")
    assert heal(member.host for member in members) > 0, "no packet was lost: there was no partition"
    until(lambda: one_tip(members, won[1]), "one tip after the partition")
    for member in members:
        assert member.hash_at(won[1]) == won[2]
        assert "Traceback" not in member.node.text()
    assert loser.hash_at(lost[1]) not in ("", lost[2])
