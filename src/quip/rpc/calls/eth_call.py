"""eth_call, eth_estimateGas, eth_createAccessList: calls that nobody signed, on any state that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quip.consensus.execution.simulation import AccountOverride, BlockOverride, Overrides
from quip.rpc.calls.call_params import CallRequest
from quip.rpc.calls.question import error_of, question
from quip.rpc.encoding import data, quantity
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView

Accounts = Mapping[bytes, AccountOverride]


def call(view: RpcView, request: CallRequest, reference: BlockRef, accounts: Accounts, block: BlockOverride) -> str:
    """What a contract returns."""
    asked = request.checked(view.spec.chain_id)
    with question(view, reference, Overrides(accounts, block)) as asking:
        called = asking.call(asked)
    if called.failure is not None:
        raise error_of(called.failure)
    return data(called.output)


def estimate_gas(
    view: RpcView, request: CallRequest, reference: BlockRef, accounts: Accounts, block: BlockOverride
) -> str:
    """A gas limit with which a transaction would succeed."""
    asked = request.checked(view.spec.chain_id)
    with question(view, reference, Overrides(accounts, block)) as asking:
        return quantity(asking.estimate(asked))


def create_access_list(view: RpcView, request: CallRequest, reference: BlockRef, accounts: Accounts) -> dict[str, Any]:
    """What a transaction touches, and what it costs with that as its access list."""
    asked = request.checked(view.spec.chain_id)
    with question(view, reference, Overrides(accounts)) as asking:
        listed = asking.access_list(asked)
    items = [
        {"address": data(address), "storageKeys": [data(slot) for slot in slots]}
        for address, slots in listed.access_list
    ]
    answer = {"accessList": items, "gasUsed": quantity(listed.gas_used)}
    if listed.failure is not None:
        reverted = listed.failure.data is not None
        answer["error"] = "execution reverted" if reverted else listed.failure.text
    return answer
