"""quip blocks: which block a word means."""

import pytest

from quip.node.errors import ConfigError, NodeError
from support.commands import mined, run, run_json


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(mined(tmp_path_factory.mktemp("home") / "data"))


def test_a_block_is_named_by_number_hash_or_tag(data_dir: str) -> None:
    listed = run_json("blocks", "--data-dir", data_dir)
    assert [int(block["number"], 16) for block in listed] == [3, 2, 1, 0]
    block_hash = listed[1]["hash"]
    for name in ("2", "0x2", "0X02", block_hash, block_hash.upper().replace("0X", "0x")):
        found = run_json("blocks", name, "--data-dir", data_dir)
        assert (found["block"]["hash"], found["proof"]["hash"]) == (block_hash, block_hash)
    assert run_json("blocks", "latest", "--data-dir", data_dir)["block"]["number"] == "0x3"
    assert run_json("blocks", "earliest", "--data-dir", data_dir) == {"block": listed[3], "proof": None}
    assert block_hash in run("blocks", "2", "--data-dir", data_dir)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("4", NodeError, "there is no block 4 yet"),
        ("0x" + "ab" * 32, NodeError, f"there is no block 0x{'ab' * 32}"),
        ("99999999999999999999", NodeError, "larger than int64|> 64 bits"),
        ("abc", ConfigError, "'abc' is no block"),
        ("", ConfigError, "'' is no block"),
        ("0x", ConfigError, "'0x' is no block"),
        ("pending", ConfigError, "'pending' is no block"),
    ],
)
def test_what_is_no_block_is_refused(data_dir: str, name: str, error: type[NodeError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        run("blocks", name, "--data-dir", data_dir)
    assert caught.value.hint
