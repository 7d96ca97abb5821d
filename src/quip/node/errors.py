"""What the operator can put right. Every error says what is wrong and ends with a hint; none of them shows a traceback.

NodeError
+-- ConfigError         the command line, the environment or the TOML file (exit status 2)
+-- DataDirError        the data directory cannot be used as it is
|   +-- DataDirBusy     another process holds it
|   +-- DiskFull        no room left on its disk
|   +-- WrongChain      it holds another chain
|   +-- DamagedStore    its bytes are not what was written
+-- PortBusy            a port that was asked for is taken
+-- NoNode              a command needs a running node and finds none (or several)
+-- PayoutRefused       the payee is not an account (exit status 2)
"""

from pathlib import Path

from quip.primitives.errors import OperatorError


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


class WrongChain(DataDirError):
    """The store begins with another genesis block than the chain spec."""

    code = "wrong-chain"

    def __init__(self, directory: Path, stored: bytes, wanted: bytes) -> None:
        super().__init__(
            f"{directory} holds a chain with genesis 0x{stored.hex()}, the chain spec makes 0x{wanted.hex()}",
            "leave --genesis-config out: the directory knows its own chain. Or name another --data-dir",
        )


class DamagedStore(DataDirError):
    """The store's bytes fail their checksums."""

    code = "store-damaged"

    def __init__(self, directory: Path, damage: str) -> None:
        super().__init__(
            f"the store in {directory} is damaged: {damage}",
            f"run: quip db check --data-dir {directory}, then: quip db reindex --data-dir {directory}",
        )


class PortBusy(NodeError):
    """A TCP port that the operator named is taken."""

    code = "port-in-use"

    def __init__(self, what: str, port: int, flag: str) -> None:
        super().__init__(f"port {port}, wanted for the {what}, is in use", f"choose another one with {flag}")


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
