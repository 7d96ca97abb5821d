"""The token that admits to admin methods: what a file has to look like to hold one."""

from pathlib import Path

import pytest

from quip.node.config.token_file import read_token
from quip.node.errors import ConfigError


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("a" * 31, 0o600, "does not hold one word"),
        ("", 0o600, "does not hold one word"),
        ("a" * 32 + " " + "b" * 32, 0o600, "does not hold one word"),
        ("é" * 32, 0o600, "does not hold one word"),
        ("a" * 32, 0o644, "can be reached by others"),
    ],
)
def test_a_token_that_protects_nothing_is_refused(tmp_path: Path, text: str, mode: int, words: str) -> None:
    file = written(tmp_path / "token", text, mode)
    with pytest.raises(ConfigError, match=words) as refused:
        read_token(file)
    assert str(file) in refused.value.hint


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no rpc_token_file") as refused:
        read_token(tmp_path / "none")
    assert "openssl rand" in refused.value.hint
    with pytest.raises(ConfigError, match="cannot read"):
        read_token(tmp_path)
