"""Single values: their one form, and the words for what is wrong."""

import pwd
from pathlib import Path

import pytest

from quip.node.config import values


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nest")
    assert values.path("~") == Path("/nest")
    assert values.path("~/node.log") == Path("/nest/node.log")
    assert values.path("~root/x") == Path(pwd.getpwnam("root").pw_dir, "x")
    assert values.path("a/~") == Path("a/~")
    assert values.path(None) is None
    assert values.chain("~/spec.json") == "/nest/spec.json"
    assert values.chain("dev") == "dev"


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_home_that_is_none_is_said_so(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    with pytest.raises(ValueError, match="no home directory: write the whole path"):
        values.path("~/x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "must not be empty"),
        (" ", "must not be empty"),
        (3, "must be a path"),
        ("a\0b", "NUL"),
        ("~nobody-of-this-name/x", "no such user"),
        ("x" * 256, "more than 255 bytes"),
        ("/" + "x/" * 2048, "longer than 4095 bytes"),
    ],
)
def test_paths_refused(given: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        values.path(given)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("h", ("h", None)),
        ("h:1", ("h", 1)),
        ("[::1]:2", ("[::1]", 2)),
        ("[fe80::1%eth0]:3", ("[fe80::1%eth0]", 3)),
        ("::1", ("::1", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
        ("1:2:3:4:5:6:7:8", ("1:2:3:4:5:6:7:8", None)),
        ("1.2.3.4:5", ("1.2.3.4", 5)),
        ("müller.example:1", ("müller.example", 1)),
    ],
)
def test_addresses(text: str, wanted: tuple[str, int | None]) -> None:
    assert values.split(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", ":1", "h:", "h:0", "h:65536", "h:x", "h:١",
     "1.2.3", "1.2.3.256:1", "a..b", "[h]:1", "[1.2.3.4]:1", "[::1", "a b"],
)  # fmt: skip
def test_addresses_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        values.split(text)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("::1:21292", r"\[::1\]:21292$"),
        ("fe80::1:2", r"\[fe80::1\]:2, or \[fe80::1:2\] if all of it is the address"),
        ("1:2:3:4:5:6:7:8:20049", r"\[1:2:3:4:5:6:7:8\]:20049$"),
    ],
)
def test_an_ipv6_address_with_a_port_wants_brackets(text: str, suggested: str) -> None:
    with pytest.raises(ValueError, match=suggested):
        values.split(text)


@pytest.mark.parametrize(("given", "wanted"), [("[::]", "::"), ("0.0.0.0", "0.0.0.0"), ("localhost", "localhost")])
def test_hosts(given: str, wanted: str) -> None:
    assert values.host(given) == wanted


@pytest.mark.parametrize("given", ["", "1.2.3", "127.0.0.1:80", "http://x", "[::1]:1", "x y"])
def test_hosts_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is no address"):
        values.host(given)


def test_an_account_gets_its_checksum() -> None:
    assert values.payee("0x" + "ab" * 20) == "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "the zero address"),
        (1, r"the precompile 0x1 \(ecrecover\)"),
        (9, r"the precompile 0x9 \(blake2f\)"),
        (0x11, r"the precompile 0x11 \(BLS12-381 map to G2\)"),
        (0x12, r"the precompile 0x12 \(reserved\)"),
        (0x100, r"the precompile 0x100"),
    ],
)
def test_addresses_without_a_key_are_no_payees(number: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"is {name}.*: nobody has its key"):
        values.payee("0x" + number.to_bytes(20).hex())


def test_the_address_after_the_precompiles_is_one() -> None:
    assert values.payee("0x" + (0x13).to_bytes(20).hex()) == "0x0000000000000000000000000000000000000013"


@pytest.mark.parametrize("given", ["", "0x12", "vitalik.eth", 5, "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"])
def test_what_is_no_address_is_no_payee(given: object) -> None:
    with pytest.raises(ValueError, match=r"address|checksum"):
        values.payee(given)
