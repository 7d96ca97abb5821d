"""The fuzzing corpus, replayed: what the fuzzer begins with, and everything that it ever found."""

import pytest

from fuzz.corpus import FOLDER, FOUND, beginnings, inputs
from fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_holds(target: str) -> None:
    found = inputs(target)
    assert found
    for data in found:
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_the_files_are_what_writes_them(target: str) -> None:
    text = (FOLDER / f"{target}.txt").read_text(encoding="ascii")
    assert text.partition(FOUND)[0] == "".join(f"{data.hex()}\n" for data in beginnings()[target])


def test_every_file_has_a_target_and_is_small() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(TARGETS)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 100_000
