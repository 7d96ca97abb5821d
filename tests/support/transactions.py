"""Signed transactions of accounts that a network's genesis pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from eth_account import Account as Keys

from quip._native import evm
from quip.consensus.spec.chain_spec import ChainSpec, GenesisAccount
from quip.consensus.types.account_state import AccountChange
from support.chains import network_spec

ETHER = 10**18
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
"""EIP-2935's contract."""
HISTORY_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff"
    "9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)
SENDERS = [Keys.from_key(bytes([number]) * 32) for number in range(1, 5)]
GAS_PRICE = 3 * 10**9


def address(number: int) -> bytes:
    """Of the sender of that number."""
    return bytes.fromhex(SENDERS[number].address[2:])


@cache
def rich_spec() -> ChainSpec:
    """The `test` network with rich senders and the history contract."""
    accounts = [GenesisAccount(address(number), AccountChange(balance=1_000 * ETHER)) for number in range(len(SENDERS))]
    history = GenesisAccount(HISTORY, AccountChange(nonce=1, code=HISTORY_CODE))
    return replace(network_spec(), alloc=(*accounts, history))


def signed(number: int, nonce: int, fields: Mapping[str, Any] | None = None) -> bytes:
    """A transaction of type 2 (or as `fields` say) of a sender: a payment of one wei where they say nothing else."""
    plain: dict[str, Any] = {
        "chainId": network_spec().chain_id,
        "nonce": nonce,
        "gas": 21_000,
        "to": "0x" + "35" * 20,
        "value": 1,
        "data": "0x",
        "type": 2,
        "maxFeePerGas": GAS_PRICE,
        "maxPriorityFeePerGas": 10**9,
    }
    plain.update(fields or {})
    if plain["type"] in (0, 1):
        plain = {name: value for name, value in plain.items() if not name.startswith("max")}
        plain["gasPrice"] = GAS_PRICE
    if plain["type"] == 0:
        del plain["type"]
    if plain["to"] is None:
        del plain["to"]
    raw = SENDERS[number].sign_transaction(plain).raw_transaction
    return bytes(raw)


def recovered(*encoded: bytes) -> list[evm.Transaction]:
    """As a pool holds them."""
    found = evm.recover(encoded)
    lawful = [one for one in found if isinstance(one, evm.Transaction)]
    assert len(lawful) == len(encoded), found
    return lawful
