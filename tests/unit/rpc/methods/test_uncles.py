"""Ommers as Ethereum's clients ask for them: uncles."""

from typing import Any

import pytest

from quip.networks.shipped import spec_bytes
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.view import NodeView, RpcView
from support.chains import memory_store, new_chain, ommer_spec, puzzle_of
from support.ommers import Family

SPEC = ommer_spec()


@pytest.fixture
def ask() -> Any:
    """Calls a method on a chain whose head shows two ommers."""
    family = Family()
    store = memory_store(SPEC)
    chain = new_chain(SPEC, store)
    family.made.accept(family.showing([family.sibling(family.number - 3), family.sibling(family.number - 1)]))
    for number in range(1, family.number):
        stored = family.chain.block_by_number(number)
        assert stored is not None
        chain.accept(stored.block, stored.header.timestamp)
    node = NodeView(
        version="quip/test",
        now=lambda: chain.head.header.timestamp,
        buried=chain.tag,
        pending=lambda: chain.draft(bytes(20), bytes(20), chain.head.header.timestamp + 1).build(),
        status=dict,
        miners=list,
    )
    view = RpcView(SPEC, spec_bytes("test"), puzzle_of(SPEC), store, node)
    methods = {method.name: method for method in table(view)}

    def call(name: str, *arguments: object) -> Any:
        method = methods[name]
        return method.answer(*parse_arguments(method.params, list(arguments)))

    return call


def test_a_block_names_its_uncles_and_each_can_be_had(ask: Any) -> None:
    block = ask("eth_getBlockByNumber", "latest", False)
    assert len(block["uncles"]) == 2
    assert ask("eth_getUncleCountByBlockNumber", "latest") == "0x2"
    assert ask("eth_getUncleCountByBlockHash", block["hash"]) == "0x2"
    assert ask("eth_getUncleCountByBlockNumber", "0x1") == "0x0"
    for place, name in enumerate(block["uncles"]):
        one = ask("eth_getUncleByBlockNumberAndIndex", "latest", hex(place))
        assert one == ask("eth_getUncleByBlockHashAndIndex", block["hash"], hex(place))
        assert (one["hash"], one["uncles"]) == (name, [])
        assert "transactions" not in one
        assert int(one["number"], 16) < int(block["number"], 16)
    pending = ask("eth_getBlockByNumber", "pending", False)
    assert pending["uncles"] == []


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("eth_getUncleByBlockNumberAndIndex", ("latest", "0x2")),
        ("eth_getUncleByBlockNumberAndIndex", ("0xffff", "0x0")),
        ("eth_getUncleByBlockHashAndIndex", ("0x" + "11" * 32, "0x0")),
        ("eth_getUncleCountByBlockHash", ("0x" + "11" * 32,)),
        ("eth_getUncleCountByBlockNumber", ("0xffff",)),
    ],
)
def test_what_is_not_there_is_null(ask: Any, name: str, arguments: tuple[str, ...]) -> None:
    assert ask(name, *arguments) is None


def test_the_proof_tells_of_every_payment(ask: Any) -> None:
    proof = ask("quip_getProof", "latest")
    assert len(proof["payments"]) >= 3, "its own, and one for each height that it shows an ommer of"
    assert proof["payments"][0] == {
        "minerId": proof["minerId"], "address": proof["beneficiary"], "amount": proof["reward"],
    }  # fmt: skip
