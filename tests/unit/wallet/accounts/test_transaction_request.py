import json
from typing import Any

import pytest

from quip.wallet.accounts.transaction_request import MAX_TEXT, TransactionRequest
from quip.wallet.errors import BadTransaction

TO = "0x" + "ab" * 20
GOOD: dict[str, Any] = {
    "chainId": 20_050, "nonce": "0x7", "gas": 21_000, "maxFeePerGas": "2000000000", "maxPriorityFeePerGas": 1, "to": TO,
}  # fmt: skip


def parse(**changes: Any) -> TransactionRequest:
    return TransactionRequest.parse(json.dumps({**GOOD, **changes}))


def test_numbers_in_all_their_forms_and_what_may_be_left_out() -> None:
    request = parse()
    assert request == TransactionRequest(20_050, 7, 1, 2 * 10**9, 21_000, b"\xab" * 20, 0, b"", ())
    slot = "0x" + "01" * 32
    full = parse(value=str(2**256 - 1), data="0xC0fe", accessList=[{"address": TO, "storageKeys": [slot]}], type="0x2")
    assert (full.value, full.data, full.access_list) == (
        2**256 - 1, b"\xc0\xfe", ((b"\xab" * 20, (b"\1" * 32,)),),
    )  # fmt: skip
    assert parse(**{"from": TO}) == request


def test_a_contract_has_to_be_asked_for() -> None:
    assert parse(to=None, data="0x60").to == b""
    without = {name: value for name, value in GOOD.items() if name != "to"}
    with pytest.raises(BadTransaction, match=r"lacks to.*null"):
        TransactionRequest.parse(json.dumps(without))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"nonce": -1}, "nonce"), ({"nonce": 1.5}, "nonce"), ({"nonce": True}, "nonce"), ({"nonce": "1e3"}, "nonce"),
        ({"nonce": 2**64}, "nonce"), ({"gas": None}, "gas"), ({"value": 2**256}, "value"), ({"value": "0x"}, "value"),
        ({"maxFeePerGas": str(2**128)}, "maxFeePerGas"), ({"maxPriorityFeePerGas": 2**40}, "maxPriorityFeePerGas"),
        ({"to": "0xabc"}, "to"), ({"to": 5}, "to"), ({"to": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, "checksum"),
        ({"data": "abc"}, "data"), ({"data": "0xa"}, "data"), ({"accessList": {}}, "accessList"),
        ({"accessList": [{"address": TO}]}, "accessList"),
        ({"accessList": [{"address": TO, "storageKeys": "x"}]}, "list"),
        ({"accessList": [{"address": TO, "storageKeys": ["0x01"]}]}, "storageKeys"), ({"type": 0}, "type"),
        ({"gasPrice": 5}, "gasPrice"), ({"chain_id": 5}, "chain_id"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadTransaction, match=named) as caught:
        parse(**changes)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{", "1", "[" * 5_000, " " * (MAX_TEXT + 1)])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(BadTransaction, match="JSON"):
        TransactionRequest.parse(text)


@pytest.mark.parametrize("name", GOOD)
def test_nothing_that_matters_has_a_default(name: str) -> None:
    with pytest.raises(BadTransaction, match=f"lacks {name}"):
        TransactionRequest.parse(json.dumps({key: value for key, value in GOOD.items() if key != name}))
