"""The table of methods and the page that describes them say the same."""

import re
from pathlib import Path

from quip.rpc.methods.table import METHODS

PAGE = Path(__file__).parents[4] / "docs" / "json-rpc.md"


def test_the_page_lists_every_method_and_no_other() -> None:
    rows = PAGE.read_text(encoding="utf-8").split("## Methods")[1].split("\n\n")[1].splitlines()[2:]
    listed = [name for row in rows for name in re.findall(r"\w+_\w+", row.split("|")[1])]
    assert sorted(listed) == sorted(name for name, *_ in METHODS)


def test_a_method_is_there_once_and_its_page_names_those_for_admins() -> None:
    names = [name for name, *_ in METHODS]
    assert len(set(names)) == len(names)
    page = PAGE.read_text(encoding="utf-8")
    for name, _, _, admin in METHODS:
        assert (f"{name} (admin)" in page) == admin
