"""README's "Deploy a contract", as it is written, against a node of the network that it names."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.node_process import NodeProcess
from support.places import ROOT

TOOLS = ROOT / ".tools"
URL = "http://127.0.0.1:8545"

pytestmark = [
    pytest.mark.skipif((TOOLS / "missing").exists(), reason="the packages of npm and PyPI could not be had"),
    pytest.mark.skipif(not TOOLS.exists(), reason="`make tools` installs what this needs"),
]


def blocks() -> dict[str, str]:
    """The section's code, by language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Deploy a contract") :].partition("\n## ")[0]
    return dict(re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL))


def test_what_the_readme_says_runs(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path, tmp_path / "data", "--auto-mine", genesis="dev")
    url = node.client().url
    (cast,) = (TOOLS / "node_modules" / "@foundry-rs").glob("cast-*/bin/cast")
    path = {**os.environ, "PATH": f"{cast.parent}{os.pathsep}{os.environ['PATH']}"}
    code = blocks()
    assert code.keys() == {"sh", "python"} and all(URL in one for one in code.values())
    shell = ["bash", "-euo", "pipefail", "-c", code["sh"].replace(URL, url)]
    done = subprocess.run(shell, env=path, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1], 16) == 42
    python = [str(TOOLS / "python" / "bin" / "python"), "-c", code["python"].replace(URL, url)]
    done = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "42"
    node.stop()
