"""The table of methods and the page that describes them say the same."""

import re
from pathlib import Path

from quip.rpc.methods.developer.table import BOTH, CHEATS, DEVELOPER_METHODS, RULES
from quip.rpc.methods.openrpc import SCHEMAS
from quip.rpc.methods.table import ANYTHING, ANYTHING_OR_NOTHING, METHODS
from support.rpc_calls import RpcChain

PAGE = Path(__file__).parents[4] / "docs" / "json-rpc.md"


def test_the_page_lists_every_method_and_no_other() -> None:
    rows = PAGE.read_text(encoding="utf-8").split("## Methods")[1].split("\n\n")[1].splitlines()[2:]
    listed = [name for row in rows for name in re.findall(r"\w+_\w+", row.split("|")[1])]
    assert sorted(listed) == sorted(name for name, *_ in METHODS)


def test_the_page_lists_every_method_of_a_developers_chain() -> None:
    section = PAGE.read_text(encoding="utf-8").split("## On a developer's chain")[1].split("\n## ")[0]
    listed = set(re.findall(r"\b(?:eth|evm|hardhat|anvil|personal)_\w+", section)) - {
        "eth_sendRawTransaction",
        "eth_estimateGas",
    }
    both = [*CHEATS, *RULES]
    refused = {f"{prefix}_{name}" for prefix in BOTH for name in both}
    assert all(name in section for name in both)
    assert listed | refused == {name for name, *_ in DEVELOPER_METHODS}
    assert not {name for name, *_ in DEVELOPER_METHODS} & {name for name, *_ in METHODS}


def test_the_openrpc_document_describes_every_method() -> None:
    document = RpcChain().call("rpc_discover")
    assert [method["name"] for method in document["methods"]] == [name for name, *_ in METHODS]
    by_name = {method["name"]: method for method in document["methods"]}
    assert all(method["summary"].endswith(".") for method in document["methods"])
    address, block = by_name["eth_getBalance"]["params"]
    assert (address["name"], address["required"], block["required"]) == ("address", True, False)
    assert re.fullmatch(address["schema"]["pattern"], "0x" + "aB" * 20)
    parsers = {param.parse for _, params, _, _ in METHODS for param in params}
    assert set(SCHEMAS) <= parsers
    assert parsers - set(SCHEMAS) == {ANYTHING.parse, ANYTHING_OR_NOTHING.parse}


def test_a_method_is_there_once_and_its_page_names_those_for_admins() -> None:
    names = [name for name, *_ in METHODS]
    assert len(set(names)) == len(names)
    page = PAGE.read_text(encoding="utf-8")
    for name, _, _, admin in METHODS:
        assert (f"{name} (admin)" in page) == admin
