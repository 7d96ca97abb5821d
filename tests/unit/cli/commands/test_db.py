"""Rebuilding a store under a clock that is wrong."""

import time
from dataclasses import replace

from quip._native import store
from quip.chain.chain import Status
from quip.cli.commands.db import _acceptor
from quip.node.startup import Rules
from quip.storage.chain_store import for_network
from support.chains import generator, network_spec, new_chain, puzzle_of
from support.mutants import with_header


def test_a_clock_that_is_behind_loses_no_block() -> None:
    spec = replace(network_spec(), difficulty=replace(network_spec().difficulty, future_limit=1))
    made = generator(new_chain(spec))
    later = int(time.time()) + 10_000
    first = made.block(made.chain.head)
    tomorrow = with_header(made.chain, first, timestamp=later)
    accept = _acceptor(Rules(spec, b"", puzzle_of(spec)), for_network(store.Store.in_memory(), spec.chain_id))
    accepted = accept(tomorrow)
    assert getattr(accepted, "status", None) is Status.CONNECTED
