"""eth_call, eth_estimateGas, eth_createAccessList: calls that nobody signed, on any state that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution import gas
from quip.consensus.execution.simulation import (
    AccountOverride,
    BlockOverride,
    Failure,
    Overrides,
    Question,
    Refused,
    Stopped,
)
from quip.consensus.execution.transition import Setting
from quip.consensus.types.header import ADDRESS_SIZE, HASH_SIZE, Header
from quip.rpc.call_params import CallRequest
from quip.rpc.encoding import data, quantity
from quip.rpc.errors import CallFailed, CallReverted
from quip.rpc.params import BlockRef
from quip.rpc.view import RpcView

Accounts = Mapping[bytes, AccountOverride]


def call(view: RpcView, request: CallRequest, reference: BlockRef, accounts: Accounts, block: BlockOverride) -> str:
    """What a contract returns."""
    asked = request.checked(view.spec.chain_id)
    with question(view, reference, Overrides(accounts, block)) as asking:
        called = asking.call(asked)
    if called.failure is not None:
        raise _error(called.failure)
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


def _error(failure: Failure) -> CallFailed | CallReverted:
    return CallFailed(failure.text) if failure.data is None else CallReverted(failure.text, failure.data)


@contextmanager
def question(view: RpcView, reference: BlockRef, overrides: Overrides) -> Iterator[Question]:
    """Where calls are asked; what they raise leaves as what the caller may be told."""
    header, root = _place(view, reference)
    setting = setting_of(view, header)
    with told(view):
        yield Question(setting, view.store.state(root), overrides, view.call_limits)


def setting_of(view: RpcView, header: Header) -> Setting:
    """What the calls and transactions of a block see of it."""
    parent = view.store.header(header.parent_hash)  # genesis has none
    return Setting(view.spec, view.puzzle, header, bytes(HASH_SIZE) if parent is None else parent.mix_hash, ())


@contextmanager
def told(view: RpcView) -> Iterator[None]:
    """What execution raises leaves as what the caller may be told."""
    try:
        yield
    except Refused as error:
        raise _error(Failure(str(error), error.data)) from None
    except Stopped as error:
        reasons = {
            "cancelled": "execution aborted (the node is stopping)",
            "deadline": f"execution aborted (timeout = {view.call_limits.milliseconds / 1_000:g}s)",
            "size": "the trace is too large: ask for less of it (callTracer, disableStack, disableStorage)",
        }
        raise CallFailed(reasons[error.reason]) from None
    except (ValueError, ConsensusError) as error:
        raise CallFailed(str(error)) from None


def _place(view: RpcView, reference: BlockRef) -> tuple[Header, bytes]:
    """The header that the calls see, and the root of the state that they see."""
    header = view.need_header(reference)
    return (_child(view, header) if reference.tag == "pending" else header), header.state_root


def _child(view: RpcView, head: Header) -> Header:
    """A block on the head, as far as transactions see it. Who mines it is not known: the zero address."""
    return replace(
        head,
        parent_hash=head.hash,
        beneficiary=bytes(ADDRESS_SIZE),
        number=head.number + 1,
        timestamp=max(view.node.now(), head.timestamp + 1),
        base_fee_per_gas=gas.next_base_fee(head),
    )
