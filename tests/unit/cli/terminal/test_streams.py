"""Programs whose standard streams are closed, or speak another character set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from quip.cli.terminal.streams import prepare_streams
prepare_streams()
first = os.open({file!r}, os.O_WRONLY | os.O_CREAT)
print("out"); print("err", file=sys.stderr); sys.stdin.read()
os.write(first, str(first).encode())
"""


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_no_file_becomes_a_standard_stream(closed: str, tmp_path: Path) -> None:
    file, script = tmp_path / "store", tmp_path / "script"
    script.write_text(SCRIPT.format(file=str(file)))
    done = subprocess.run(["sh", "-c", f'"{sys.executable}" "{script}" {closed}'], input=b"", check=False)
    assert done.returncode == 0
    assert int(file.read_text()) > 2


def test_what_a_character_set_lacks_does_not_end_a_program() -> None:
    script = "from quip.cli.terminal.streams import prepare_streams as p; p(); print('caf\\xe9 \\u2026')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": "iso-8859-1"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == "café ?\n".encode("iso-8859-1")
