"""One process at a time in a key directory, by flock: the kernel lets go when the process dies, however it dies."""

from __future__ import annotations

import os
from pathlib import Path

from quip.files.file_lock import lock
from quip.wallet.errors import DirectoryInUse, NotAccessible, WrongProcess


class DirectoryLock:
    """Held from construction to `close`. Raises DirectoryInUse or NotAccessible."""

    def __init__(self, directory: Path) -> None:
        self._pid = os.getpid()
        try:
            self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise NotAccessible(directory, error) from error
        try:
            lock(self._descriptor)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 20).strip()
            os.close(self._descriptor)
            raise DirectoryInUse(directory, int(holder) if holder.isdigit() else None) from error
        except OSError as error:
            os.close(self._descriptor)
            raise NotAccessible(directory, error) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % self._pid, 0)

    def check_process(self) -> None:
        """A fork shares the lock but not the memory of used leaves. Raises WrongProcess in a child."""
        if os.getpid() != self._pid:
            raise WrongProcess(self._pid)

    def close(self) -> None:
        """Let go. Further calls do nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
