"""Which network an address belongs to, and from where it can be dialled."""

import pytest

from quip.net.address import Address, Reach, canonical_host, is_dialable, is_nearby, is_unspecified, netgroup, reach


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("1.2.3.4", "4:1.2"),
        ("1.2.200.4", "4:1.2"),
        ("::ffff:1.2.3.4", "4:1.2"),
        ("2002:102:304::1", "4:1.2"),
        ("2a01:4f8:1::1", "6:2a01:4f8"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.1.2.3", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fe80::1", "private"),
        ("fd00::1", "private"),
    ],
)
def test_groups(host: str, group: str) -> None:
    assert netgroup(host) == group
    assert is_nearby(group) == (group in ("loopback", "private"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", Reach.LOOPBACK),
        ("10.0.0.1", Reach.PRIVATE),
        ("fe80::1", Reach.PRIVATE),
        ("8.8.8.8", Reach.PUBLIC),
        ("2a01:4f8::1", Reach.PUBLIC),
    ],
)
def test_reach(host: str, expected: Reach) -> None:
    assert reach(host) is expected


def test_one_spelling() -> None:
    assert canonical_host("::ffff:1.2.3.4") == "1.2.3.4"
    assert canonical_host("2A01:04F8::0001") == "2a01:4f8::1"
    with pytest.raises(ValueError, match="example"):
        canonical_host("node.example")


def test_what_can_be_dialled() -> None:
    assert is_dialable(Address("1.2.3.4", 20049))
    assert is_unspecified("0.0.0.0")
    assert is_unspecified("::")
    for host, port in [("0.0.0.0", 1), ("::", 1), ("224.0.0.1", 1), ("255.255.255.255", 1), ("1.2.3.4", 0), ("x", 1)]:
        assert not is_dialable(Address(host, port))
