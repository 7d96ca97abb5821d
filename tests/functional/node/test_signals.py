"""What signals do to real processes: stop, open the logs anew, or nothing."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.node_process import PROGRAMS, NodeProcess, environment, run_program, wait_until

StartNode = Callable[..., NodeProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartNode]:
    """Starts nodes that end with the test."""
    started: list[NodeProcess] = []

    def run(*arguments: str, prefix: tuple[str, ...] = ()) -> NodeProcess:
        started.append(NodeProcess(tmp_path, tmp_path / "data", *arguments, prefix=prefix))
        return started[-1]

    yield run
    for node in started:
        node.end()


def events(file: Path) -> list[str]:
    return [json.loads(line)["event"] for line in file.read_text().splitlines()] if file.exists() else []


def test_a_hangup_opens_the_logs_anew_and_other_signals_do_nothing(start: StartNode, tmp_path: Path) -> None:
    log = tmp_path / "node.json"
    node = start("--node-log", str(log))
    node.client()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        node.process.send_signal(number)
    wait_until(lambda: events(log).count("signal ignored") == 2, "both signals in the log")
    log.rename(tmp_path / "node.json.1")
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: events(log) == ["log files opened anew"], "a new log")
    assert node.number() == 0
    node.stop()
    assert node.status == 0
    assert events(log)[-1] == "stopped"


def _on_a_terminal(home: Path, *prefix: str) -> tuple[subprocess.Popen[bytes], int, Path]:
    """A node whose terminal is the returned descriptor's other end."""
    data_dir = home / "data"
    ours, theirs = pty.openpty()
    command: list[str | Path] = [
        *prefix, PROGRAMS / "quip-network-node", "cpu", "--num-cpus", "1", "--genesis-config", "test", "--port", "0",
        "--listen", "127.0.0.1", "--rpc-port", "0", "--data-dir", data_dir, "--node-log", home / "node.json",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment(home), cwd=home, start_new_session=True
    )
    os.close(theirs)
    return process, ours, data_dir / "rpc"


def test_it_stops_when_its_terminal_goes_away(tmp_path: Path) -> None:
    process, terminal, rpc = _on_a_terminal(tmp_path)
    try:
        wait_until(lambda: "network" in events(tmp_path / "node.json"), "a node that serves")
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert events(tmp_path / "node.json")[-1] == "stopped"
    assert not rpc.exists()


def test_under_nohup_it_survives_its_terminal(tmp_path: Path) -> None:
    process, terminal, _ = _on_a_terminal(tmp_path, "nohup")
    try:
        wait_until(lambda: "network" in events(tmp_path / "node.json"), "a node that serves")
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "log files opened anew" in events(tmp_path / "node.json"), "logs opened anew")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


FIRST_SIGNS = ("lock", "node.key", "store.redb", "identity/mnemonic", "wallet/mnemonic", "trust.db", "rpc")


@pytest.mark.parametrize("sign", FIRST_SIGNS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_of_the_start_is_a_clean_one(start: StartNode, number: signal.Signals, sign: str) -> None:
    node = start()
    wait_until((node.data_dir / sign).exists, sign)
    node.stop(number, 30)
    assert (node.status, "Traceback" in node.text(), "Exception" in node.text()) == (0, False, False)
    assert not (node.data_dir / "rpc").exists()


def test_closed_streams_lose_no_log_and_no_store(tmp_path: Path) -> None:
    log = tmp_path / "node.json"
    words = (
        f'exec "{PROGRAMS / "quip-network-node"}" cpu --num-cpus 1 --genesis-config test --port 0 --listen 127.0.0.1 '
        f'--rpc-port 0 --data-dir data --node-log "{log}" <&- >&- 2>&-'
    )
    process = subprocess.Popen(["sh", "-c", words], env=environment(tmp_path), cwd=tmp_path)
    try:
        wait_until(lambda: "network" in events(log), "a node that serves")
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert events(log)[-1] == "stopped"
    checked = run_program("quip", "db", "check", "--data-dir", "data", home=tmp_path)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGUSR1, 0)])
def test_a_long_command_unwinds_when_told_to_stop(number: signal.Signals, status: int, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from quip.node.process import signals\n"
        "signals.for_commands()\n"
        "try:\n"
        "    print('ready', flush=True); sys.stdin.readline()\n"
        "finally:\n"
        "    print('unwound', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate("go on\n" if status == 0 else None, timeout=30)
    assert (out, process.returncode) == ("unwound\n", status)
