"""How figures are shown."""

import doctest

import pytest

from quip.cli.terminal import output


def test_doctests() -> None:
    assert doctest.testmod(output).failed == 0


@pytest.mark.parametrize(
    ("wei", "shown"),
    [(0, "0"), (1, "0"), (10**12, "0.000001"), (10**18, "1"), (1234567 * 10**17, "123,456.7"), (2**70, "1,180.59162")],
)
def test_coins(wei: int, shown: str) -> None:
    assert output.coins(wei) == shown


@pytest.mark.parametrize(("text", "shown"), [("0x1234", "0x1234"), ("0x" + "ab" * 32, "0xabababab…ababab")])
def test_long_hashes_are_cut(text: str, shown: str) -> None:
    assert output.short(text) == shown


def test_levels_and_times() -> None:
    assert output.level(3 << 15) == "1.500"
    assert output.moment(0) == "1970-01-01 00:00:00"


def test_pairs_are_not_folded(capsys: pytest.CaptureFixture[str]) -> None:
    long = "0x" + "ab" * 100
    output.emit_pairs({"hash": long, "n": 1})
    assert capsys.readouterr().out == f"hash  {long}\nn     1\n"


def test_what_peers_say_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_table(("agent",), [("quip/1 [/b]",), ("[link=http://evil.example]quip/1[/link]",), (":skull:",)])
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("quip/1 [/b]", "[link=http://evil.example]quip/1[/link]", ":skull:"))
