"""Blocks, time and the pool of a developer's chain, in the words of Hardhat and Anvil."""

from typing import Any

from quip.rpc.developer_view import DeveloperView
from quip.rpc.encoding import data, quantity
from quip.rpc.errors import CallFailed, MethodNotFound
from quip.rpc.view import RpcView


def developer(view: RpcView) -> DeveloperView:
    """The node's side."""
    if view.node.developer is None:
        raise MethodNotFound("of a developer's chain")
    return view.node.developer


def mine_one(view: RpcView, timestamp: int | None) -> str:
    """Makes a block with what is executable in the pool, at a timestamp if one is given."""
    if timestamp is not None:
        developer(view).set_next_timestamp(timestamp)
    developer(view).mine(1, 1)
    return "0x0"


def mine(view: RpcView, blocks: int, interval_s: int) -> None:
    """Makes so many blocks, each an interval of seconds after the one before it."""
    developer(view).mine(blocks, interval_s)


def increase_time(view: RpcView, seconds: int) -> int:
    """Moves the clock forward; its offset to the system's clock, in seconds."""
    return developer(view).increase_time(seconds)


def set_next_timestamp(view: RpcView, timestamp: int) -> None:
    """The next block's timestamp, from which the clock goes on."""
    developer(view).set_next_timestamp(timestamp)


def set_automine(view: RpcView, on: bool) -> bool:
    """Whether a block is made for each transaction."""
    developer(view).set_automine(on)
    return True


def automine(view: RpcView) -> bool:
    """Is a block made for each transaction?"""
    return developer(view).automine()


def set_interval(view: RpcView, milliseconds: int) -> bool:
    """A block each so many milliseconds; 0 ends that."""
    developer(view).set_interval(milliseconds)
    return True


def drop(view: RpcView, transaction_hash: bytes) -> bool:
    """Removes a transaction from the pool; was it there?"""
    return developer(view).drop(transaction_hash) > 0


def drop_all(view: RpcView) -> None:
    """Empties the pool."""
    developer(view).drop(None)


def metadata(view: RpcView) -> dict[str, Any]:
    """What runs, and on what."""
    head, genesis = view.head_header(), view.store.canonical(0)
    return {
        "clientVersion": view.node.version,
        "chainId": view.spec.chain_id,
        "instanceId": data(genesis or b""),
        "latestBlockNumber": head.number,
        "latestBlockHash": data(head.hash),
        "forkedNetwork": None,
    }


def node_info(view: RpcView) -> dict[str, Any]:
    """The same in Anvil's shape."""
    head = view.head_header()
    return {
        "currentBlockNumber": quantity(head.number),
        "currentBlockTimestamp": head.timestamp,
        "currentBlockHash": data(head.hash),
        "hardFork": view.spec.evm_fork,
        "transactionOrder": "fees",
        "environment": {
            "baseFee": quantity(head.base_fee_per_gas),
            "chainId": view.spec.chain_id,
            "gasLimit": quantity(head.gas_limit),
            "gasPrice": quantity(head.base_fee_per_gas),
        },
        "forkConfig": {"forkUrl": None, "forkBlockNumber": None, "forkRetryBackoff": None},
    }


def no_cheat(_view: RpcView, *_arguments: object) -> None:
    """Refused: nothing but transactions changes a state."""
    raise CallFailed(
        "this chain is a function of its blocks: no method changes a state that no transaction has changed. Send a "
        "transaction from one of the 20 accounts instead"
    )


def no_going_back(_view: RpcView, *_arguments: object) -> None:
    """Refused: the head does not move back."""
    raise CallFailed(
        "the head does not move back while the node runs: stop it and run quip db rewind --to N, or start it with "
        "another --data-dir"
    )


def no_consensus(_view: RpcView, *_arguments: object) -> None:
    """Refused: the rules of blocks decide it."""
    raise CallFailed("a rule of the chain decides this (base fee by EIP-1559, gas limit by steps of 1/1024, no beacon)")
