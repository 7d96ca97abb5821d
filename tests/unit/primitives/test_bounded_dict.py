"""A dictionary that forgets."""

from quip.primitives.bounded_dict import BoundedDict


def test_forgets_the_oldest() -> None:
    entries: BoundedDict[int, str] = BoundedDict(3)
    for key in range(5):
        entries.put(key, str(key))
    assert entries.keys() == [2, 3, 4]
    assert entries.get(1) is None
    assert entries.get(2) == "2"
    assert 3 in entries
    assert len(entries) == 3


def test_replacing_forgets_nothing() -> None:
    entries: BoundedDict[int, str] = BoundedDict(2)
    for value in "abc":
        entries.put(1, value)
    entries.put(2, "x")
    assert entries.get(1) == "c"
    assert len(entries) == 2


def test_dropping() -> None:
    entries: BoundedDict[int, str] = BoundedDict(2)
    entries.put(1, "a")
    entries.drop(1)
    entries.drop(1)
    assert 1 not in entries
    entries.put(2, "b")
    entries.clear()
    assert len(entries) == 0
