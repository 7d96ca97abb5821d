"""What the operator of this node can put right: key files, the peer database, the port. Never a peer's doing.

LocalError
├── KeyFileError        a certificate or key that cannot be used as it is
│   └── ExposedKey      others on this machine can read the key
├── PeersFileError      trust.db cannot be used as it is
└── UdpPortError        the UDP port cannot be opened
"""

from __future__ import annotations

import shlex
from pathlib import Path

from quip.files.durable_files import closing_command
from quip.primitives.errors import OperatorError


class LocalError(OperatorError):
    """An expected failure with what this machine lends to the network."""

    code = "network"

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}"


class KeyFileError(LocalError):
    """A certificate or key file that is missing, unreadable, of the wrong kind, or does not fit the other one."""

    code = "key-file"
    exit_status = 2


class ExposedKey(KeyFileError):
    """A private key that other users of the machine can reach."""

    code = "key-exposed"

    def __init__(self, path: Path, mode: int, forbidden: int) -> None:
        """`forbidden`: the bits that it must not have; a key that the operator gives may be readable for its group."""
        group_reads = not forbidden & 0o040
        command = shlex.join(["chmod", "o-rwx,g-wx", str(path)]) if group_reads else closing_command([path])
        super().__init__(f"{path} has mode {mode:04o}: others can reach this private key", f"run: {command}")


class PeersFileError(LocalError):
    """trust.db is damaged, locked, of another version, or its disk is full."""

    code = "peers-file"


class UdpPortError(LocalError):
    """The UDP address cannot be opened."""

    code = "udp-port"
