"""What the operator can put right. Every error says what is wrong and ends with a hint; none of them shows a traceback.

NodeError
+-- ConfigError         the command line, the environment or the TOML file (exit status 2)
+-- DataDirError        the data directory cannot be used as it is
|   +-- DataDirBusy     another process holds it
|   +-- DiskFull        no room left on its disk
|   +-- WrongChain      it holds another chain
|   +-- ExposedFiles    others can reach its secrets
|   +-- DamagedStore    its bytes are not what was written
+-- PortBusy            a port that was asked for is taken
+-- PortForbidden       a port that was asked for is for privileged programs
+-- NoNode              a command needs a running node and finds none (or several)
+-- PayoutRefused       the payee is not an account (exit status 2)
+-- ThreadFailed        a part of the node met what nobody foresaw
"""

import shlex
from pathlib import Path

from quip.files.durable_files import closing_command
from quip.primitives.errors import OperatorError
from quip.storage.errors import HINT as STORE_HINT


class NodeError(OperatorError):
    """An expected failure of a node, or of a command about one."""

    code = "node"


class ConfigError(NodeError):
    """A value or key of the configuration that cannot be used."""

    code = "configuration"
    exit_status = 2


class DataDirError(NodeError):
    """The data directory cannot be created, read or written."""

    code = "data-directory"


class DataDirBusy(DataDirError):
    """Another process uses the data directory."""

    code = "data-directory-in-use"

    def __init__(self, directory: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"the data directory {directory} is in use by {holder}",
            "stop that process first, or give this node its own --data-dir (or --port: each port has its own)",
        )
        self.pid = pid


class DiskFull(DataDirError):
    """No room left where the data directory lies."""

    code = "disk-full"

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"the disk that holds {directory} is full",
            "free some space and start again; nothing that was written before is lost",
        )


def retire_hint(directory: Path) -> str:
    """What to do with a directory of an older cut of its network."""
    command = shlex.join(["quip", "db", "retire", "--data-dir", str(directory)])
    return f"if the network was cut anew, run: {command} (identity and wallet stay), then start again"


class WrongChain(DataDirError):
    """The store begins with another genesis block than the chain spec."""

    code = "wrong-chain"

    def __init__(self, directory: Path, stored: bytes, wanted: bytes) -> None:
        super().__init__(
            f"{directory} holds a chain with genesis 0x{stored.hex()}, the chain spec makes 0x{wanted.hex()}",
            f"{retire_hint(directory)}; if it is another network's, name another --data-dir or the chain's own spec",
        )


class DamagedStore(DataDirError):
    """The store's bytes fail their checksums."""

    code = "store-damaged"

    def __init__(self, directory: Path, damage: str) -> None:
        place = shlex.quote(str(directory))
        what = damage.removeprefix("store is damaged").removesuffix(f"; {STORE_HINT}")
        super().__init__(
            f"the store in {directory} is damaged{what if what != damage else f': {damage}'}",
            f"run: quip db check --data-dir {place}, then: quip db reindex --data-dir {place}",
        )


class ExposedFiles(DataDirError):
    """Secret files, or directories of them, that other users of the machine can reach."""

    code = "files-exposed"
    exit_status = 2

    def __init__(self, found: list[tuple[Path, int]]) -> None:
        listed = ", ".join(f"{path} (mode {mode:04o})" for path, mode in found)
        super().__init__(
            f"others on this machine can reach {listed}", f"run: {closing_command(path for path, _ in found)}"
        )


class PortBusy(NodeError):
    """A TCP port that the operator named is taken."""

    code = "port-in-use"

    def __init__(self, what: str, port: int, flag: str) -> None:
        super().__init__(f"port {port}, wanted for the {what}, is in use", f"choose another one with {flag}")


class PortForbidden(NodeError):
    """The system lets only privileged programs listen on a port."""

    code = "port-forbidden"
    exit_status = 2

    def __init__(self, what: str, port: int, flag: str) -> None:
        super().__init__(
            f"this program may not listen on port {port}, wanted for the {what}",
            f"choose one from 1024 up with {flag}",
        )


class NoNode(NodeError):
    """No running node was found where one is needed."""

    code = "no-node"


class PayoutRefused(NodeError):
    """The payee is a miner id, which nobody can spend from."""

    code = "payout-refused"
    exit_status = 2

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} is a miner id, not an account: what is paid to it is lost",
            "give an account's address, or leave --payout out to use the node's own wallet",
        )


class ThreadFailed(NodeError):
    """A thread without which the node cannot go on ended by an exception."""

    code = "thread-failed"

    def __init__(self, thread: str, error: BaseException) -> None:
        super().__init__(
            f"the {thread}'s thread failed: {type(error).__name__}: {error}",
            "this is a mistake in the program: please report it with the log; then start the node again",
        )
