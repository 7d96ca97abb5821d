"""First in, first out, above the limit; in all else a dictionary."""

from quip.primitives.bounded_dict import BoundedDict


def test_the_oldest_are_forgotten() -> None:
    entries: BoundedDict[int, str] = BoundedDict(3)
    for key in range(5):
        entries[key] = str(key)
        assert len(entries) <= 3
    assert list(entries) == [2, 3, 4]
    assert dict(entries) == {2: "2", 3: "3", 4: "4"}
    assert (1 in entries, 2 in entries) == (False, True)
    assert (entries.get(1), entries.get(2)) == (None, "2")
    entries[2] = "again"  # keeps its place
    entries[5] = "5"
    assert list(entries) == [3, 4, 5]


def test_it_is_a_dictionary() -> None:
    entries: BoundedDict[int, int | None] = BoundedDict(3)
    for value in (7, None):
        entries[1] = value
        assert 1 in entries
        assert entries[1] == value
        assert entries.pop(1, None) == value
        assert entries.pop(1, None) is None
        assert 1 not in entries
    entries.update({1: 1, 2: 2})
    del entries[1]
    assert list(entries.items()) == [(2, 2)]
    entries.clear()
    assert len(entries) == 0
