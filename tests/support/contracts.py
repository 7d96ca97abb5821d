"""A chain in memory with contracts, hand-assembled, and its methods as a caller finds them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

from quip.consensus.execution.simulation import CallLimits
from quip.consensus.spec.chain_spec import ChainSpec, GenesisAccount
from quip.consensus.types.account_state import AccountChange
from quip.networks.shipped import spec_bytes
from quip.rpc.methods.table import table
from quip.rpc.params import parse_arguments
from quip.rpc.transport.dispatch import encode
from quip.rpc.view import NodeView, RpcView
from quip.storage.chain_store import RedbChainStore
from sim.honest.chain_generator import ChainGenerator
from support.chains import generator, memory_store, new_chain, puzzle_of
from support.transactions import recovered, rich_spec, signed

COUNTER, REVERTER, PANICKER, LOOP, ASKER, BROKEN = (bytes([number]) * 20 for number in range(0x51, 0x57))
BLOCKS = 4


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def hexed(raw: bytes) -> str:
    return "0x" + raw.hex()


def ends_with(end: int, data: bytes) -> bytes:
    """Code that copies what follows it into memory and ends with it: REVERT (fd) or RETURN (f3)."""
    size = len(data)
    return bytes([0x60, size, 0x60, 12, 0x60, 0, 0x39, 0x60, size, 0x60, 0, end]) + data


REASON = bytes.fromhex("08c379a0") + word(32) + word(2) + b"no".ljust(32, b"\0")
PANIC = bytes.fromhex("4e487b71") + word(0x11)
CODES = {
    COUNTER: bytes.fromhex("600054600101806000555f5260205ff3"),  # adds one to slot 0 and returns it
    REVERTER: ends_with(0xFD, REASON),
    PANICKER: ends_with(0xFD, PANIC),
    LOOP: bytes.fromhex("5b5f56"),
    ASKER: bytes.fromhex("435f52426020524160405244606052486080524760a05260c05ff3"),
    # ^ NUMBER, TIMESTAMP, COINBASE, PREVRANDAO, BASEFEE, SELFBALANCE
    BROKEN: bytes.fromhex("fe"),
}


@cache
def spec() -> ChainSpec:
    contracts = [GenesisAccount(who, AccountChange(nonce=1, code=code)) for who, code in CODES.items()]
    plain = rich_spec()
    return replace(plain, alloc=(*plain.alloc, *contracts))


@cache
def grown() -> tuple[ChainGenerator, RedbChainStore]:
    """A chain whose every block calls the counter once."""
    store = memory_store(spec())
    made = generator(new_chain(spec(), store))
    for nonce in range(BLOCKS):
        body = recovered(signed(0, nonce, {"to": hexed(COUNTER), "value": 0, "gas": 100_000}))
        made.accept(made.block(made.chain.head, (), body))
    return made, store


def view(limits: CallLimits | None = None) -> RpcView:
    made, store = grown()
    chain = made.chain
    later = chain.head.header.timestamp + 9
    pending = chain.draft(bytes(20), bytes(20), later).build()
    node = NodeView("quip/test", lambda: later, chain.tag, lambda: pending, dict, list)
    return RpcView(spec(), spec_bytes("test"), puzzle_of(spec()), store, node, call_limits=limits or CallLimits())


def ask(name: str, *arguments: Any, on: RpcView | None = None) -> Any:
    method = next(one for one in table(on or view()) if one.name == name)
    return json.loads(encode(method.answer(*parse_arguments(method.params, list(arguments)))))


def counted(answer: str) -> int:
    return int(answer, 16)
