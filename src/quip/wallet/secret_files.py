"""The wallet's files: only their owner may reach them, and a crash leaves old or new. What fails is a WalletError."""

from __future__ import annotations

from pathlib import Path

from quip.files import durable_files
from quip.wallet.errors import ExposedSecret, NotAccessible, WalletExists, WalletMissing, WriteFailed


def make_directory(path: Path) -> None:
    """Make a directory of mode 0700, and its parents. Raises ExposedSecret if others can write to it, NotAccessible."""
    try:
        durable_files.make_private_directory(path)
    except durable_files.Exposed as error:
        raise ExposedSecret(path, error.mode) from None
    except OSError as error:
        raise NotAccessible(path, error) from error


def read_secret(path: Path) -> bytes:
    """The file's bytes. Raises WalletMissing, NotAccessible, or ExposedSecret if others can reach it."""
    try:
        return durable_files.read_secret(path)
    except durable_files.Exposed as error:
        raise ExposedSecret(path, error.mode) from None
    except FileNotFoundError as error:
        raise WalletMissing(path) from error
    except OSError as error:
        raise NotAccessible(path, error) from error


def create(path: Path, content: bytes) -> None:
    """Write a file that must not exist, complete or not at all. Raises WalletExists or WriteFailed."""
    try:
        durable_files.create(path, content)
    except FileExistsError as error:
        raise WalletExists(path) from error
    except OSError as error:
        raise WriteFailed(path, error) from error


def replace(path: Path, content: bytes) -> None:
    """Write a file over what is there, complete or not at all. Raises WriteFailed."""
    try:
        durable_files.replace(path, content)
    except OSError as error:
        raise WriteFailed(path, error) from error
