"""quip chain: verify and export, on a stopped node."""

import subprocess
import sys
from pathlib import Path

import pytest

from quip.consensus.types.block import Block
from support.commands import mined, run_json

SCRIPT = "import sys; from quip.cli.quip import main; sys.argv[0] = 'quip'; main()"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data` holds a chain of three blocks."""
    home = tmp_path_factory.mktemp("home")
    mined(home / "data")
    return home


def quip(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_dash_means_stdout(home: Path) -> None:
    written, said = quip(home, "chain", "export", "-", "--data-dir", "data").communicate()
    report = run_json("chain", "export", str(home / "file.rlp"), "--data-dir", str(home / "data"))
    assert written == (home / "file.rlp").read_bytes()
    assert report["sha256"] in said.decode()
    assert not (home / "-").exists()
    assert Block.decode(_first(written)).header.number == 0


def _first(written: bytes) -> bytes:
    """The bytes of the first item (a list of less than 64 kB)."""
    assert written[0] == 0xF9
    return written[: 3 + int.from_bytes(written[1:3], "big")]


def test_to_a_reader_that_goes_away_nothing_is_said(home: Path) -> None:
    with quip(home, "chain", "export", "-", "--data-dir", "data") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("command", [("blocks",), ("blocks", "1"), ("status",), ("miners",)], ids=" ".join)
def test_output_that_cannot_be_written_is_not_blamed_on_the_data_directory(
    home: Path, command: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *command, "--data-dir", "data"],
            cwd=home, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.stderr.splitlines()[0] == "error: cannot write the output: No space left on device"
    assert done.returncode == 1
