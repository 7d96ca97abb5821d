"""Does an answer fit its request? Counts, order and identity; whether it is true is for sync and gossip to see.

What this file does not do: it checks no link between headers (that takes their hashes, which sync needs anyway), no
seal and no body against its header.
"""

from __future__ import annotations

from quip.net.errors import WrongAnswer
from quip.net.wire import messages as m
from quip.net.wire.codec import TABLE, code_of
from quip.primitives.hashes import keccak256


def check_answer(request: m.Request, reply: m.Reply) -> None:
    """Raises WrongAnswer. The reply's type is the request's own (its stream takes no other)."""
    reason = _mismatch(request, reply)
    if reason is not None:
        raise WrongAnswer(reason, name=TABLE[code_of(reply)].name)


def _mismatch(request: m.Request, reply: m.Reply) -> str | None:
    match request, reply:
        case m.HeadersRequest(limit=limit), m.Headers(headers):
            if len(headers) > limit:
                return f"{len(headers)} headers, {limit} asked for"
            if any(header.number != headers[0].number + index for index, header in enumerate(headers)):
                return "the numbers are not consecutive"
        case (m.SealsRequest(hashes), m.Seals(parts)) | (m.BodiesRequest(hashes), m.Bodies(parts)):
            if len(parts) > len(hashes):
                return f"{len(parts)} of {len(hashes)}"
        case m.BlockRequest(block_hash), m.BlockResponse(block):
            if block is not None and block.header.hash != block_hash:
                return "another block"
        case m.TransactionsRequest(hashes), m.Transactions(transactions):
            wanted = iter(hashes)
            if not all(keccak256(transaction) in wanted for transaction in transactions):
                return "transactions that were not asked for, or in another order"
        case _:
            pass
    return None
