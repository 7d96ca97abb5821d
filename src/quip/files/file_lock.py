"""One holder at a time of an open file, by flock: the kernel lets go when the process dies, however it dies."""

from __future__ import annotations

import errno
import fcntl

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
NO_LOCKS_HINT = "choose a place on a local disk: without locks two processes could use it at once"


class NoLocks(OSError):
    """The file system has no locks (some network and user-space ones)."""


def lock(descriptor: int) -> None:
    """Take the lock or raise BlockingIOError where another process has it, NoLocks where there are none; OSError."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise NoLocks(error.errno, "this file system has no locks") from None
        raise
