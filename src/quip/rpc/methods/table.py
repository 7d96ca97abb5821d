"""The table of methods. Each is a function of the view and its arguments; it may block, and raises RpcError.

docs/json-rpc.md says what each answers. Admin methods change the node, or tell what is nobody else's business
(addresses of peers, bans, the wallet): they are for callers on this machine, and for those that know the token. So are
the private members of an answer.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from quip.consensus.execution.simulation import BlockOverride, Overrides
from quip.rpc import fee_params, params
from quip.rpc.calls import debug, eth_call
from quip.rpc.calls.call_params import block_overrides, call_request, state_overrides
from quip.rpc.calls.trace_params import call_options, trace_options
from quip.rpc.errors import CallFailed
from quip.rpc.log_params import log_filter
from quip.rpc.methods import (
    eth,
    eth_config,
    eth_fees,
    eth_state,
    eth_transactions,
    filters,
    logs,
    openrpc,
    quip,
    txpool,
    web3_net,
)
from quip.rpc.methods.developer.table import DEVELOPER_METHODS
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
from quip.rpc.storage_params import slot_requests, storage_key, storage_keys
from quip.rpc.transport.dispatch import Method
from quip.rpc.view import RpcView
from quip.storage.errors import StateMissing

LISTED_MINERS = 100  # where the caller names no limit

NUMBER = Param("blockNumber", block_number)
HASH = Param("blockHash", block_hash)
BY_HASH = Param("blockHash", hash_reference)
INDEX = Param("index", item_index)
FULL = Param("fullTransactions", boolean)
ADDRESS = Param("address", address)
TRANSACTION = Param("transactionHash", block_hash)
RAW = Param("transaction", params.byte_string)
NONCE = Param("nonce", params.nonce)
KEY = Param("key", storage_key)
KEYS = Param("keys", storage_keys)
REQUESTS = Param("requests", slot_requests)
COUNT = Param("blockCount", fee_params.block_count)
PERCENTILES = Param("rewardPercentiles", fee_params.percentiles, ())
LOGS = Param("filter", log_filter)
FILTER = Param("id", params.filter_id)
FULL_OR_HASHES = Param("fullTransactions", boolean, False)
ANYTHING = Param("name", lambda value: value)
ANYTHING_OR_NOTHING = Param("options", lambda value: value, None)
BYTES = Param("data", params.byte_string)
BLOCK = Param("block", block_reference)
LIMIT = Param("limit", row_limit, LISTED_MINERS)
OFFSET = Param("offset", row_offset, 0)
BLOCK_OR_LATEST = Param("block", block_reference, LATEST)
CALL = Param("call", call_request)
ACCOUNTS = Param("stateOverrides", state_overrides, {})
TRACE = Param("options", trace_options, {})
TRACE_CALL = Param("options", call_options, ({}, Overrides()))
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


def modules(view: RpcView) -> dict[str, str]:
    """The prefixes of the methods that there are."""
    return dict.fromkeys(sorted({name.partition("_")[0] for name, *_ in rows(view)}), "1.0")


def discover(view: RpcView) -> dict[str, Any]:
    """This table as an OpenRPC document."""
    return openrpc.document(((name, wanted, answer) for name, wanted, answer, _ in rows(view)), view.node.version)


METHODS: tuple[Row, ...] = (
    ("web3_clientVersion", (), web3_net.client_version, PUBLIC),
    ("web3_sha3", (BYTES,), web3_net.sha3, PUBLIC),
    ("net_version", (), web3_net.network_version, PUBLIC),
    ("net_listening", (), web3_net.listening, PUBLIC),
    ("net_peerCount", (), web3_net.peer_count, PUBLIC),
    ("rpc_modules", (), modules, PUBLIC),
    ("rpc_discover", (), discover, PUBLIC),
    ("eth_chainId", (), eth.chain_id, PUBLIC),
    ("eth_config", (), eth_config.config, PUBLIC),
    ("eth_accounts", (), eth.accounts, PUBLIC),
    ("eth_syncing", (), eth.syncing, PUBLIC),
    ("eth_blockNumber", (), eth.head_number, PUBLIC),
    ("eth_getBlockByNumber", (NUMBER, FULL), eth.block_by_number, PUBLIC),
    ("eth_getBlockByHash", (HASH, FULL), eth.block_by_hash, PUBLIC),
    ("eth_getHeaderByNumber", (NUMBER,), eth.header, PUBLIC),
    ("eth_getHeaderByHash", (BY_HASH,), eth.header, PUBLIC),
    ("eth_getBlockTransactionCountByNumber", (NUMBER,), eth.transaction_count, PUBLIC),
    ("eth_getBlockTransactionCountByHash", (BY_HASH,), eth.transaction_count, PUBLIC),
    ("eth_getUncleCountByBlockNumber", (NUMBER,), eth.uncle_count, PUBLIC),
    ("eth_getUncleCountByBlockHash", (BY_HASH,), eth.uncle_count, PUBLIC),
    ("eth_getUncleByBlockNumberAndIndex", (NUMBER, INDEX), eth.uncle, PUBLIC),
    ("eth_getUncleByBlockHashAndIndex", (BY_HASH, INDEX), eth.uncle, PUBLIC),
    ("eth_getBalance", (ADDRESS, BLOCK_OR_LATEST), eth_state.balance, PUBLIC),
    ("eth_getTransactionCount", (ADDRESS, BLOCK_OR_LATEST), eth_state.transaction_count, PUBLIC),
    ("eth_getCode", (ADDRESS, BLOCK_OR_LATEST), eth_state.code, PUBLIC),
    ("eth_getStorageAt", (ADDRESS, KEY, BLOCK_OR_LATEST), eth_state.storage_at, PUBLIC),
    ("eth_getStorageValues", (REQUESTS, BLOCK_OR_LATEST), eth_state.storage_values, PUBLIC),
    ("eth_getProof", (ADDRESS, KEYS, BLOCK_OR_LATEST), eth_state.proof, PUBLIC),
    ("eth_getAccount", (ADDRESS, BLOCK_OR_LATEST), eth_state.account, PUBLIC),
    ("eth_getAccountInfo", (ADDRESS, BLOCK_OR_LATEST), eth_state.account_info, PUBLIC),
    ("eth_getTransactionByHash", (TRANSACTION,), eth_transactions.by_hash, PUBLIC),
    ("eth_getTransactionByBlockNumberAndIndex", (NUMBER, INDEX), eth_transactions.by_index, PUBLIC),
    ("eth_getTransactionByBlockHashAndIndex", (BY_HASH, INDEX), eth_transactions.by_index, PUBLIC),
    ("eth_getTransactionBySenderAndNonce", (ADDRESS, NONCE), eth_transactions.by_sender_and_nonce, PUBLIC),
    ("eth_getRawTransactionByHash", (TRANSACTION,), eth_transactions.raw_by_hash, PUBLIC),
    ("eth_getRawTransactionByBlockNumberAndIndex", (NUMBER, INDEX), eth_transactions.raw_by_index, PUBLIC),
    ("eth_getRawTransactionByBlockHashAndIndex", (BY_HASH, INDEX), eth_transactions.raw_by_index, PUBLIC),
    ("eth_getTransactionReceipt", (TRANSACTION,), eth_transactions.receipt, PUBLIC),
    ("eth_getBlockReceipts", (BLOCK,), eth_transactions.block_receipts, PUBLIC),
    ("eth_sendRawTransaction", (RAW,), eth_transactions.send_raw, PUBLIC),
    ("eth_pendingTransactions", (), eth_transactions.pending, PUBLIC),
    ("txpool_status", (), txpool.status, PUBLIC),
    ("txpool_content", (), txpool.content, PUBLIC),
    ("txpool_contentFrom", (ADDRESS,), txpool.content_from, PUBLIC),
    ("txpool_inspect", (), txpool.inspect, PUBLIC),
    ("eth_gasPrice", (), eth_fees.gas_price, PUBLIC),
    ("eth_maxPriorityFeePerGas", (), eth_fees.max_priority_fee, PUBLIC),
    ("eth_feeHistory", (COUNT, NUMBER, PERCENTILES), eth_fees.fee_history, PUBLIC),
    ("eth_baseFee", (), eth_fees.base_fee, PUBLIC),
    ("eth_blobBaseFee", (), eth_fees.blob_base_fee, PUBLIC),
    ("eth_getLogs", (LOGS,), logs.get_logs, PUBLIC),
    ("eth_newFilter", (LOGS,), filters.new_filter, PUBLIC),
    ("eth_newBlockFilter", (), filters.new_block_filter, PUBLIC),
    ("eth_newPendingTransactionFilter", (FULL_OR_HASHES,), filters.new_pending_transaction_filter, PUBLIC),
    ("eth_getFilterChanges", (FILTER,), filters.filter_changes, PUBLIC),
    ("eth_getFilterLogs", (FILTER,), filters.filter_logs, PUBLIC),
    ("eth_uninstallFilter", (FILTER,), filters.uninstall_filter, PUBLIC),
    ("eth_subscribe", (ANYTHING, ANYTHING_OR_NOTHING), eth.subscribe, PUBLIC),
    ("eth_unsubscribe", (ANYTHING,), eth.unsubscribe, PUBLIC),
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


def rows(view: RpcView) -> tuple[Row, ...]:
    """The methods of this node: where blocks are made on demand, those of developers too."""
    if view.node.developer is None:
        return METHODS
    return (*METHODS, *((*row, ADMIN) for row in DEVELOPER_METHODS))


def table(view: RpcView) -> list[Method]:
    """Every method, bound to a view."""
    return [
        Method(name, wanted, partial(_answer, answer, view), admin, name in INSTANT, PRIVATE.get(name, frozenset()))
        for name, wanted, answer, admin in rows(view)
    ]


def _answer(answer: Callable[..., Any], view: RpcView, *arguments: Any) -> Any:
    """A method's answer. Whichever reads a state, one that is not kept is told in go-ethereum's words."""
    try:
        return answer(view, *arguments)
    except StateMissing as error:
        raise CallFailed(str(error)) from None
