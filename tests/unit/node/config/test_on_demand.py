"""What goes with blocks on demand, and what does not."""

from pathlib import Path
from typing import Any

import pytest

from quip.node.config.node_config import load
from quip.node.errors import ConfigError


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("more", [{}, {"genesis_config": "local"}, {"listen": "::1"}, {"rpc_listen": "localhost"}])
def test_it_means_the_local_network_on_this_machine(more: dict[str, Any]) -> None:
    config = load({"global": {"mine_on_demand": True, **more}}, None)
    assert config.mine_on_demand
    assert config.genesis_config == "local"
    assert config.listen == more.get("listen", "127.0.0.1")
    assert (config.peers, config.bootnodes) == ((), ())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"genesis_config": "dev"}, "names dev"),
        ({"genesis_config": "./local"}, "names ./local"),
        ({"auto_mine": True}, "auto_mine does not go with"),
        ({"peer": ["127.0.0.1:1"]}, "peer does not go with"),
        ({"bootnodes": ["127.0.0.1:1"]}, "bootnodes does not go with"),
        ({"public_host": "a.example"}, "public"),
        ({"public_port": 1}, "public"),
        ({"listen": "0.0.0.0"}, "listen is 0.0.0.0"),
        ({"host": "a.example"}, "host is a.example"),
        ({"rpc_listen": "0.0.0.0"}, "is 0.0.0.0"),
    ],
)
def test_what_does_not_go_with_it_is_named(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"global": {"mine_on_demand": True, **more}}, None)
    assert words in caught.value.message.replace("--", "").replace("-", "_")
    assert caught.value.hint


def test_without_it_nothing_of_this_holds() -> None:
    config = load({"global": {"listen": "0.0.0.0", "peer": ["127.0.0.1:1"]}}, None)
    assert not config.mine_on_demand
    assert config.bootnodes is None
