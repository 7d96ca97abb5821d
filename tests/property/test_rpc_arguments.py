"""Whatever the arguments, a method answers or refuses; it never crashes."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.networks.shipped import spec_bytes
from quip.rpc.errors import RpcError
from quip.rpc.methods.table import METHODS, table
from quip.rpc.params import TAGS, parse_arguments
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import NodeView, RpcView
from support.chains import generator, memory_store, network_spec, new_chain, puzzle_of

NAMES = [name for name, *_ in METHODS]
HEX = st.integers(0, 1 << 70).map(hex) | st.binary(max_size=40).map(lambda raw: "0x" + raw.hex())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | HEX
BLOCKS = (
    st.sampled_from(TAGS)
    | st.integers(0, 8).map(hex)
    | st.binary(min_size=32, max_size=32).map(lambda h: "0x" + h.hex())
)
WORDS = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
KEYS = st.sampled_from(["blockHash", "blockNumber", "requireCanonical", "x"])
VALUES = BLOCKS | SCALARS | st.dictionaries(KEYS, BLOCKS | SCALARS, max_size=3) | st.lists(SCALARS, max_size=2)
ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
TOPICS = st.lists(st.none() | WORDS | st.lists(WORDS | st.none(), max_size=2) | SCALARS, max_size=5)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "blockHash": WORDS | SCALARS,
        "fromBlock": BLOCKS | SCALARS,
        "toBlock": BLOCKS | SCALARS,
        "address": ADDRESSES | st.lists(ADDRESSES | SCALARS, max_size=2) | SCALARS,
        "topics": TOPICS | SCALARS,
    },
)
REQUESTS = st.dictionaries(ADDRESSES | st.text(max_size=4), st.lists(WORDS | SCALARS, max_size=2) | SCALARS, max_size=2)
PERCENTILES = st.lists(st.floats(0, 100) | SCALARS, max_size=3)
ARGUMENTS = (
    st.tuples(FILTERS).map(list)
    | st.tuples(REQUESTS, BLOCKS).map(list)
    | st.tuples(ADDRESSES, st.lists(HEX, max_size=2) | HEX, BLOCKS).map(list)
    | st.tuples(HEX | st.integers(0, 9), BLOCKS, PERCENTILES).map(list)
    | st.tuples(BLOCKS | WORDS | ADDRESSES, HEX).map(list)
    | st.lists(VALUES, max_size=3)
    | st.tuples(ADDRESSES, BLOCKS).map(list)
    | st.tuples(BLOCKS, st.booleans()).map(list)
    | VALUES
)


@cache
def methods() -> dict[str, Method]:
    spec, store = network_spec(), memory_store(network_spec())
    made = generator(new_chain(store=store))
    for _ in made.extend(5):
        pass
    chain = made.chain
    later = chain.head.header.timestamp + 1
    pending = chain.draft(bytes(20), bytes(20), later).build()
    node = NodeView("quip/test", lambda: later, chain.tag, lambda: pending, dict, list)
    view = RpcView(spec, spec_bytes("test"), puzzle_of(spec), store, node)
    return {method.name: method for method in table(view)}


@pytest.mark.parametrize("name", NAMES)
@given(arguments=ARGUMENTS)
def test_a_method_answers_or_refuses(name: str, arguments: Any) -> None:
    method = methods()[name]
    try:
        answer = method.answer(*parse_arguments(method.params, arguments))
    except RpcError as error:
        assert error.code in (-32602, -32601, -32000, -32005, -38026)
        assert error.message
    else:
        assert json.loads(json.dumps(answer)) == answer
