"""The NEON path, bit for bit against the portable one and a spin-by-spin reference: the kernel's own tests, built for
aarch64 and run under qemu-user. (On an aarch64 machine `cargo test` runs it natively.)

Needs: rustup target add aarch64-unknown-linux-gnu; Debian packages gcc-aarch64-linux-gnu and qemu-user.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from support.places import ROOT

TARGET = "aarch64-unknown-linux-gnu"


def has_tools() -> bool:
    """Whether the cross linker, the emulator and Rust's library for the target are here."""
    if not all(shutil.which(tool) for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64", "rustc")):
        return False
    query = ["rustc", "--print", "target-libdir", "--target", TARGET]
    found = subprocess.run(query, capture_output=True, text=True, check=False)
    return found.returncode == 0 and any(Path(found.stdout.strip()).glob("libcore-*"))


@pytest.mark.timeout(600)
@pytest.mark.skipif(platform.machine() == "aarch64", reason="NEON runs natively in cargo test")
@pytest.mark.skipif(not has_tools(), reason="no aarch64 toolchain and emulator here")
def test_neon_equals_portable_under_emulation() -> None:
    environment = {
        **os.environ,
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER": "qemu-aarch64 -L /usr/aarch64-linux-gnu",
    }
    command = ["cargo", "test", "--release", "--locked", "--package", "quip-ising", "--target", TARGET]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every_path_equals_the_reference ... ok" in done.stdout
