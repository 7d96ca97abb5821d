"""The table of methods. Each is a function of the view and its arguments; it may block, and raises RpcError.

| method | arguments | answer |
|---|---|---|
| web3_clientVersion, net_version, eth_chainId, eth_blockNumber | | |
| net_listening, net_peerCount | | |
| eth_syncing | | false, or how far the sync is |
| eth_getBlockByNumber | number or tag, full transactions? | block or null |
| eth_getBlockByHash | hash, full transactions? | block or null |
| eth_getUncleCountByBlockNumber, eth_getUncleCountByBlockHash | block | how many ommers it shows, or null |
| eth_getUncleByBlockNumberAndIndex, eth_getUncleByBlockHashAndIndex | block, index | one of them, or null |
| eth_getBalance | address, block | wei |
| eth_call, eth_estimateGas | call, block (latest), state overrides, block overrides | what it returns; gas |
| eth_createAccessList | call, block (latest), state overrides | access list, and the gas used with it |
| debug_traceTransaction | hash, options | what happened in it |
| debug_traceBlockByNumber, debug_traceBlockByHash | block, options | the same of all its transactions |
| debug_traceCall | call, block (latest), options with overrides | what would happen |
| quip_getProof | block | everything that shows its work |
| quip_getRequirements | block (its child is meant) | what a block has to prove now |
| quip_getMiners | limit (100), offset (0) | who mined the chain, the busiest first, and this node's miners (PRIVATE) |
| quip_getPeers (admin) | | the nodes that this one talks to |
| quip_getRawBlock | block | the block as it travels |
| quip_getChainSpec | | the rules, as the JSON text that genesis commits to |
| quip_getStatus | | what `quip status` shows; some of it (PRIVATE) is for its operator |

Admin methods change the node, or tell what is nobody else's business (addresses of peers, bans, the wallet): they are
for callers on this machine, and for those that know the token. So are the private members of an answer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from quip.consensus.execution.simulation import BlockOverride, Overrides
from quip.rpc.call_params import block_overrides, call_request, state_overrides
from quip.rpc.methods import debug, eth, eth_call, quip, web3_net
from quip.rpc.params import (
    LATEST,
    Param,
    address,
    block_hash,
    block_number,
    block_reference,
    boolean,
    hash_reference,
    item_index,
    row_limit,
    row_offset,
)
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import RpcView

LISTED_MINERS = 100  # where the caller names no limit

NUMBER = Param("blockNumber", block_number)
HASH = Param("blockHash", block_hash)
BY_HASH = Param("blockHash", hash_reference)
INDEX = Param("index", item_index)
FULL = Param("fullTransactions", boolean)
ADDRESS = Param("address", address)
BLOCK = Param("block", block_reference)
LIMIT = Param("limit", row_limit, LISTED_MINERS)
OFFSET = Param("offset", row_offset, 0)
BLOCK_OR_LATEST = Param("block", block_reference, LATEST)
CALL = Param("call", call_request)
ACCOUNTS = Param("stateOverrides", state_overrides, {})
TRANSACTION = Param("transactionHash", block_hash)
TRACE = Param("options", debug.trace_options, {})
TRACE_CALL = Param("options", debug.call_options, ({}, Overrides()))
ENVIRONMENT = Param("blockOverrides", block_overrides, BlockOverride())

INSTANT = frozenset(
    (
        "web3_clientVersion",
        "net_version",
        "net_listening",
        "net_peerCount",
        "eth_chainId",
        "eth_syncing",
        "eth_blockNumber",
    )
)
"""These read memory, and of the store the head's header at most, which every import leaves in its cache."""
PRIVATE = {
    "quip_getMiners": frozenset(("local",)),
    "quip_getStatus": frozenset(
        ("pid", "dataDir", "minerId", "payout", "signaturesLeft", "failures", "listen", "idleHint")
    ),
}
"""Members of answers that nobody else is told: who is paid here, where files lie, what went wrong inside, what it mines
with. (The miner id leads to the payee: both stand in every block. Wins and earnings lead to the miner id.)"""
PUBLIC, ADMIN = False, True
Row = tuple[str, tuple[Param, ...], Callable[..., Any], bool]

METHODS: tuple[Row, ...] = (
    ("web3_clientVersion", (), web3_net.client_version, PUBLIC),
    ("net_version", (), web3_net.network_version, PUBLIC),
    ("net_listening", (), web3_net.listening, PUBLIC),
    ("net_peerCount", (), web3_net.peer_count, PUBLIC),
    ("eth_chainId", (), eth.chain_id, PUBLIC),
    ("eth_syncing", (), eth.syncing, PUBLIC),
    ("eth_blockNumber", (), eth.head_number, PUBLIC),
    ("eth_getBlockByNumber", (NUMBER, FULL), eth.block_by_number, PUBLIC),
    ("eth_getBlockByHash", (HASH, FULL), eth.block_by_hash, PUBLIC),
    ("eth_getUncleCountByBlockNumber", (NUMBER,), eth.uncle_count, PUBLIC),
    ("eth_getUncleCountByBlockHash", (BY_HASH,), eth.uncle_count, PUBLIC),
    ("eth_getUncleByBlockNumberAndIndex", (NUMBER, INDEX), eth.uncle, PUBLIC),
    ("eth_getUncleByBlockHashAndIndex", (BY_HASH, INDEX), eth.uncle, PUBLIC),
    ("eth_getBalance", (ADDRESS, BLOCK), eth.balance, PUBLIC),
    ("eth_call", (CALL, BLOCK_OR_LATEST, ACCOUNTS, ENVIRONMENT), eth_call.call, PUBLIC),
    ("eth_estimateGas", (CALL, BLOCK_OR_LATEST, ACCOUNTS, ENVIRONMENT), eth_call.estimate_gas, PUBLIC),
    ("eth_createAccessList", (CALL, BLOCK_OR_LATEST, ACCOUNTS), eth_call.create_access_list, PUBLIC),
    ("debug_traceTransaction", (TRANSACTION, TRACE), debug.trace_transaction, PUBLIC),
    ("debug_traceBlockByNumber", (NUMBER, TRACE), debug.trace_block, PUBLIC),
    ("debug_traceBlockByHash", (BY_HASH, TRACE), debug.trace_block, PUBLIC),
    ("debug_traceCall", (CALL, BLOCK_OR_LATEST, TRACE_CALL), debug.trace_call, PUBLIC),
    ("quip_getProof", (BLOCK_OR_LATEST,), quip.proof, PUBLIC),
    ("quip_getRequirements", (BLOCK_OR_LATEST,), quip.next_requirements, PUBLIC),
    ("quip_getMiners", (LIMIT, OFFSET), quip.miners, PUBLIC),
    ("quip_getPeers", (), quip.peers, ADMIN),
    ("quip_getRawBlock", (BLOCK_OR_LATEST,), quip.raw_block, PUBLIC),
    ("quip_getChainSpec", (), quip.chain_spec, PUBLIC),
    ("quip_getStatus", (), quip.status, PUBLIC),
)


def table(view: RpcView) -> list[Method]:
    """Every method, bound to a view."""
    return [
        Method(name, params, partial(answer, view), admin, name in INSTANT, PRIVATE.get(name, frozenset()))
        for name, params, answer, admin in METHODS
    ]
