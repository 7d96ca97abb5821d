"""The table of methods that only a node has that makes blocks on demand; docs/json-rpc.md lists them.

All are for callers on this machine, as admin methods are.
"""

from collections.abc import Callable
from typing import Any

from quip.rpc import params
from quip.rpc.methods.developer import accounts, arguments, blocks
from quip.rpc.params import Param

BLOCKS = Param("blocks", arguments.block_count, 1)
INTERVAL = Param("interval", arguments.seconds, 1)
SECONDS = Param("seconds", arguments.seconds)
TIMESTAMP = Param("timestamp", arguments.timestamp)
TIMESTAMP_OR_NONE = Param("timestamp", arguments.timestamp, None)
ON = Param("enabled", params.boolean)
MILLISECONDS = Param("milliseconds", arguments.milliseconds)
TRANSACTION = Param("transactionHash", params.block_hash)
REQUEST = Param("transaction", arguments.members)
ADDRESS = Param("address", params.address)
MESSAGE = Param("message", params.byte_string)
DOCUMENT = Param("typedData", lambda value: value)
PASSWORD = Param("password", lambda value: value, None)
IGNORED = tuple(Param(f"argument{number}", lambda value: value, None) for number in range(4))

Row = tuple[str, tuple[Param, ...], Callable[..., Any]]
BOTH = ("hardhat", "anvil")


def _each(name: str, wanted: tuple[Param, ...], answer: Callable[..., Any]) -> tuple[Row, ...]:
    """A method that both have."""
    return tuple((f"{prefix}_{name}", wanted, answer) for prefix in BOTH)


CHEATS = (
    "setBalance",
    "setCode",
    "setNonce",
    "setStorageAt",
    "impersonateAccount",
    "stopImpersonatingAccount",
    "setCoinbase",
)
RULES = ("setNextBlockBaseFeePerGas", "setPrevRandao", "setMinGasPrice")

DEVELOPER_METHODS: tuple[Row, ...] = (
    ("eth_sendTransaction", (REQUEST,), accounts.send_transaction),
    ("eth_sign", (ADDRESS, MESSAGE), accounts.sign),
    ("eth_signTypedData_v4", (ADDRESS, DOCUMENT), accounts.sign_typed_data),
    ("personal_sign", (MESSAGE, ADDRESS, PASSWORD), accounts.personal_sign),
    ("evm_mine", (TIMESTAMP_OR_NONE,), blocks.mine_one),
    ("evm_increaseTime", (SECONDS,), blocks.increase_time),
    ("evm_setNextBlockTimestamp", (TIMESTAMP,), blocks.set_next_timestamp),
    ("evm_setAutomine", (ON,), blocks.set_automine),
    ("evm_setIntervalMining", (MILLISECONDS,), blocks.set_interval),
    *_each("mine", (BLOCKS, INTERVAL), blocks.mine),
    *_each("getAutomine", (), blocks.automine),
    *_each("dropTransaction", (TRANSACTION,), blocks.drop),
    ("anvil_dropAllTransactions", (), blocks.drop_all),
    *_each("metadata", (), blocks.metadata),
    ("anvil_nodeInfo", (), blocks.node_info),
    ("evm_snapshot", IGNORED, blocks.no_going_back),
    ("evm_revert", IGNORED, blocks.no_going_back),
    *_each("reset", IGNORED, blocks.no_going_back),
    ("anvil_reorg", IGNORED, blocks.no_going_back),
    ("anvil_rollback", IGNORED, blocks.no_going_back),
    *(row for name in CHEATS for row in _each(name, IGNORED, blocks.no_cheat)),
    ("anvil_autoImpersonateAccount", IGNORED, blocks.no_cheat),
    *(row for name in RULES for row in _each(name, IGNORED, blocks.no_consensus)),
    ("evm_setBlockGasLimit", IGNORED, blocks.no_consensus),
)
