"""The server around the application: idle and hostile connections, and what they can make it log."""

import asyncio
import contextlib
import errno
import logging
import resource
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from quip.rpc.transport import acceptor, connection, log_limit
from quip.rpc.transport.http import Listener, LocalServer, listen
from quip.rpc.transport.one_write import OneWrite

DEADLINE_S = 30
WHOLE = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
OPENED: list[asyncio.StreamWriter] = []  # by the test that runs


class Held:
    """An application that answers when the test says so."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.asked = 0
        self.answer = "well"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        with contextlib.suppress(ClientDisconnect):
            await Request(scope, receive).body()
        await self.go.wait()
        await PlainTextResponse(self.answer)(scope, receive, send)


@pytest.fixture
async def app() -> Held:
    return Held()


@contextlib.asynccontextmanager
async def serving(app: Held, listener: Listener) -> AsyncIterator[LocalServer]:
    with listener:
        made = LocalServer(app, listener)
        task = asyncio.create_task(made.run_until_stopped())
        yield made
        app.go.set()
        while OPENED:
            OPENED.pop().close()
        made.stop()
        await task


@pytest.fixture
async def server(app: Held) -> AsyncIterator[LocalServer]:
    async with serving(app, listen(0)) as made:
        yield made


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "MAX_CONNECTIONS", 3)


async def connect(server: LocalServer, sent: bytes = b"") -> Streams:
    streams = await asyncio.open_connection(*server.url.removeprefix("http://").split(":"))
    OPENED.append(streams[1])
    streams[1].write(sent)
    return streams


async def answer(streams: Streams) -> bytes:
    head = await asyncio.wait_for(streams[0].readuntil(b"\r\n\r\n"), DEADLINE_S)
    return head + await streams[0].readexactly(4)


async def end(streams: Streams) -> bytes:
    """What still comes before the server closes."""
    with contextlib.suppress(ConnectionResetError):
        return await asyncio.wait_for(streams[0].read(), DEADLINE_S)
    return b""


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("sent", [b"", WHOLE[:-2], WHOLE + WHOLE[:-2]])
async def test_who_sends_no_whole_head_in_time_is_closed(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.1)
    assert (b"well" in await end(await connect(server, sent))) is sent.startswith(WHOLE)


async def test_a_request_under_way_has_its_time(
    server: LocalServer, app: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.01)
    app.go.clear()
    streams = await connect(server, WHOLE)
    await until(lambda: app.asked)
    assert await end(await connect(server)) == b""  # whoever came later and says nothing is gone meanwhile
    app.go.set()
    assert b"well" in await answer(streams)


async def test_who_does_not_take_an_answer_is_closed(
    server: LocalServer, app: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.1)
    app.answer = "x" * (32 << 20)  # more than the kernel's buffers hold
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as silent:
        silent.sendall(WHOLE * 2)
        await until(lambda: app.asked)
        await until(lambda: not server.server_state.connections)
        assert len(server.server_state.connections) == 0


class Noted(asyncio.Transport):
    """A transport that notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[object] = []
        self.closing = False

    def write(self, data: object) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 1


async def test_writes_of_one_moment_leave_as_one() -> None:
    noted = Noted()
    answers = OneWrite(noted, asyncio.get_running_loop())
    answers.write(b"head")
    answers.write(b"body")
    assert (noted.done, answers.get_write_buffer_size()) == ([], 9)
    await until(lambda: noted.done)
    answers.write(b"bye")
    answers.close()
    await asyncio.sleep(0)
    assert noted.done == [b"headbody", b"bye", "closed"]
    noted.closing = True
    answers.write(b"late")
    answers.flush()
    assert len(noted.done) == 3


async def test_an_answer_is_one_write(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    connected = await connect(server)
    await until(lambda: server.server_state.connections)
    (held,) = server.server_state.connections
    original = held.transport._transport  # type: ignore[attr-defined]
    write = original.write

    def counted(data: bytes) -> None:
        sent.append(data)
        write(data)

    monkeypatch.setattr(original, "write", counted)
    connected[1].write(WHOLE)
    assert b"well" in await answer(connected)
    assert len(sent) == 1


@pytest.mark.usefixtures("few")
async def test_the_longest_idle_makes_room_and_whoever_has_asked_stays(server: LocalServer) -> None:
    asked = await connect(server, WHOLE)
    assert b"well" in await answer(asked)
    first, second = await connect(server), await connect(server)
    await until(lambda: len(server.server_state.connections) == 3)
    newest = await connect(server, WHOLE)
    assert b"well" in await answer(newest)
    assert await end(first) == b""
    for streams in (asked, second, newest):
        streams[1].write(WHOLE)
        assert b"well" in await answer(streams)
    assert len(server.server_state.connections) == 3


@pytest.mark.usefixtures("few")
async def test_a_request_that_is_not_sent_whole_makes_room(server: LocalServer) -> None:
    """Its head is there, its body drips: whoever asks whole is served all the same."""
    slow = [
        await connect(server, b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx") for _ in range(3)
    ]
    await until(lambda: len(server.server_state.connections) == 3)
    newest = await connect(server, WHOLE)
    assert b"well" in await answer(newest)
    assert await end(slow[0]) == b""


@pytest.mark.usefixtures("few")
async def test_where_all_are_busy_others_wait_and_one_line_says_so(server: LocalServer, app: Held) -> None:
    app.go.clear()
    with capture_logs() as lines:
        busy = [await connect(server, WHOLE) for _ in range(3)]
        await until(lambda: app.asked == 3)
        waiting = [await connect(server, WHOLE) for _ in range(3)]
        await until(lambda: lines)
        assert len(server.server_state.connections) == 3
        app.go.set()
        for streams in [*busy, *waiting]:
            assert b"well" in await answer(streams)
    assert [line["event"] for line in lines] == ["every connection is busy"]


class Exhausted(socket.socket):
    """A listening socket of a process that has no descriptor left until the test gives some."""

    left = 0

    def accept(self) -> tuple[socket.socket, object]:
        if not self.left:
            raise OSError(errno.EMFILE, "Too many open files")
        self.left -= 1
        return super().accept()


async def test_without_descriptors_it_pauses_says_so_once_and_goes_on(
    app: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptor, "RETRY_S", 0.001)
    opened, *others = listen(0).sockets
    for other in others:
        other.close()
    listener = Exhausted(fileno=opened.detach())
    listener.left = 1
    tries: list[float] = []
    pause = acceptor.Acceptor._pause

    def counted(self: acceptor.Acceptor, seconds: float) -> None:
        tries.append(seconds)
        pause(self, seconds)

    monkeypatch.setattr(acceptor.Acceptor, "_pause", counted)
    with capture_logs() as lines:
        async with serving(app, Listener(listener)) as server:
            idle = await connect(server)
            streams = await connect(server, WHOLE)
            await until(lambda: len(tries) > 5)
            assert await end(idle) == b""  # its descriptor is wanted
            listener.left = 1
            assert b"well" in await answer(streams)
    assert [line["event"] for line in lines] == ["cannot accept a connection"]
    assert "ulimit" in lines[0]["hint"]


def test_two_servers_leave_half_of_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    for descriptors, wanted in ((64, 16), (1024, 256), (1 << 20, 256), (resource.RLIM_INFINITY, 256), (2, 1)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, most=descriptors: (most, most))
        assert acceptor.connection_limit() == wanted


@pytest.fixture
def library_lines() -> Iterator[list[logging.LogRecord]]:
    lines: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record)

    kept = Kept()
    loggers = [logging.getLogger(name) for name in log_limit.LIBRARIES]
    for logger in loggers:
        logger.addHandler(kept)
    yield lines
    for logger in loggers:
        logger.removeHandler(kept)


async def test_what_is_no_http_is_logged_once(server: LocalServer, library_lines: list[logging.LogRecord]) -> None:
    for _ in range(5):
        assert b"400" in await end(await connect(server, b"\0\1\2\r\n\r\n"))
    assert [line.getMessage() for line in library_lines if line.levelno >= logging.WARNING] == [
        "Invalid HTTP request received."
    ]


async def test_rubbish_behind_a_request_is_no_traceback(
    server: LocalServer, app: Held, library_lines: list[logging.LogRecord]
) -> None:
    chunked = b"POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    for sent in (WHOLE + b"\0\r\n\r\n", chunked + b"rubbish\r\n\r\n", chunked.replace(b"0\r\n\r\n", b"rubbish\r\n")):
        app.go.clear()
        streams = await connect(server, sent)
        await until(lambda: app.asked or library_lines)
        app.go.set()
        await end(streams)
    assert not [line for line in library_lines if line.exc_info or line.levelno > logging.WARNING]


def test_a_kind_of_line_passes_once_a_minute_with_the_count_of_those_left_out() -> None:
    time_s = 0.0
    limit = log_limit.RepeatLimit(lambda: time_s)
    assert [limit.admit("a") for _ in range(4)] == [0, None, None, None]
    assert limit.admit("b") == 0
    time_s = log_limit.QUIET_S
    assert (limit.admit("a"), limit.admit("a"), limit.admit("b")) == (3, None, 0)


def test_lines_that_differ_in_an_address_only_are_one_kind() -> None:
    lines = log_limit.LibraryLines()

    def record(text: str, error: BaseException | None = None) -> logging.LogRecord:
        cause = (type(error), error, None) if error else None
        return logging.LogRecord("asyncio", logging.ERROR, "", 0, text, (), cause)

    assert lines.filter(record("Exception in callback f(<Handle 1>)\nhandle: 1"))
    assert not lines.filter(record("Exception in callback f(<Handle 2>)\nhandle: 2"))
    assert lines.filter(record("Exception in callback f(<Handle 2>)\nhandle: 2", KeyError("another bug")))
