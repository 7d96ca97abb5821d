"""How figures are shown."""

import doctest
import io
import sys

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


class _Latin1(io.TextIOWrapper):
    """A terminal of another character set."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="iso-8859-1")


def test_a_terminal_that_is_not_utf8_gets_what_it_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Latin1()
    monkeypatch.setattr(sys, "stdout", terminal)
    output.emit_table(("hash", "agent"), [(output.short("0x" + "ab" * 32), "müller 漢")])
    output.emit_pairs({"name": "…"})
    terminal.flush()
    shown = terminal.buffer.getvalue().decode("iso-8859-1")  # type: ignore[attr-defined]
    assert shown == f"hash{' ' * 17}agent\n0xabababab...ababab  müller ?\nname  ...\n"


def test_columns_stand_below_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_table(("a", "long title"), [("1234", 5), ("x", "")])
    assert capsys.readouterr().out == "a     long title\n1234  5\nx\n"


def test_what_peers_say_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_table(("agent",), [("\x1b]0;title\x07\x9b31mred\nnext",)])
    assert capsys.readouterr().out == "agent\n�]0;title��31mred�next\n"


@pytest.mark.parametrize(("no_colour", "shown"), [("", "\x1b[1mname\x1b[0m  value\n"), ("1", "name  value\n")])
def test_only_the_name_is_bold(no_colour: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    said: list[str] = []
    monkeypatch.setattr("typer.echo", lambda text, err: said.append(text))
    output.emit_pairs({"name": "value"})
    assert said == [shown.rstrip("\n")]
