"""docs/protocol.md says what the code does: graph rules, constants, field names, vector files."""

import json
import re

import pytest

from quip.consensus.types.block import MAX_BODY_SIZE, MAX_SEAL_SIZE
from quip.consensus.types.header import EMPTY_OMMERS_HASH, EMPTY_TRIE_ROOT
from quip.ising.topology import build_topology
from quip.networks.shipped import NETWORKS, spec_bytes
from reference import zephyr
from support.places import ROOT

TEXT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("m", "t"), [(1, 1), (1, 4), (2, 4), (3, 2), (12, 4)])
def test_zephyr_by_the_written_rules(m: int, t: int) -> None:
    graph = build_topology({"family": "zephyr", "m": m, "t": t, "excluded_nodes": [], "excluded_couplers": []})
    assert tuple(zephyr.couplers(m, t)) == graph.couplers
    assert tuple(zephyr.visiting_order(m, t)) == graph.order


@pytest.mark.parametrize(
    "constant",
    [
        f"0x{EMPTY_OMMERS_HASH.hex()}",
        f"0x{EMPTY_TRIE_ROOT.hex()}",
        f"{MAX_BODY_SIZE:,}",
        f"{MAX_SEAL_SIZE:,}",
        "quip 2026 ising seed v1",
    ],
)
def test_constants(constant: str) -> None:
    assert constant in TEXT


def fields(value: object) -> set[str]:
    if not isinstance(value, dict):
        return set()
    names = {name for name in value if not name.startswith("0x")}  # accounts
    return names.union(*(fields(item) for item in value.values()))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_field_is_in_the_table(network: str) -> None:
    section = TEXT[TEXT.index("## 2.") : TEXT.index("## 3.")]
    named = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([^`]*)`", section))))
    assert fields(json.loads(spec_bytes(network))) - named == set()


def test_every_vector_file_is_in_the_table() -> None:
    named = set(re.findall(r"`([a-z_]+\.json)`", TEXT[TEXT.index("## 14.") :]))
    assert named == {path.name for path in (ROOT / "tests" / "vectors").glob("*.json")}


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / "docs" / link).exists(), link
