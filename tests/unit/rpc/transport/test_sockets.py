"""Where a server listens: what the operator chose, and loopback of both families always."""

import contextlib
import errno
import socket

import pytest

from quip.rpc.transport import sockets
from quip.rpc.transport.sockets import is_loopback, listen, listen_from


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False


LOOPBACKS = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "127.0.0.9", *(["::", "::1"] * has_ipv6())])
def test_loopback_is_served_wherever_else_it_listens(host: str) -> None:
    with listen(0, host) as listener:
        assert listener.url == f"http://127.0.0.1:{listener.port}"
        for place in LOOPBACKS:
            socket.create_connection((place, listener.port), 10).close()
        every = [one.getsockname()[0] for one in listener.sockets]
        assert len(set(every)) == len(every)
        assert any(one in every for one in (host, "127.0.0.1"))


@pytest.mark.parametrize("place", LOOPBACKS)
def test_a_port_that_is_taken_on_one_address_is_taken(place: str) -> None:
    family = socket.AF_INET6 if ":" in place else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.bind((place, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError) as refused:
            listen(port)
        assert refused.value.errno == errno.EADDRINUSE
        with listen_from(port) as second:
            assert second.port > port


def test_without_ipv6_it_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "LOOPBACK_6", "fe80::dead")  # no such address here
    with listen(0) as listener:
        assert [one.getsockname()[0] for one in listener.sockets] == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_no_address_of_this_machine(host: str) -> None:
    with pytest.raises(OSError) as refused:
        listen(0, host)
    assert refused.value.errno != errno.EADDRINUSE


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", False),
        ("::2", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_loopback_addresses(address: str, wanted: bool) -> None:
    assert is_loopback(address) is wanted
