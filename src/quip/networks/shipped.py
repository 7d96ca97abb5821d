"""Chain specs by name or path: the networks shipped in the package, or any file.

The published files lie in the project's root and are shipped as `quip/networks/specs/`. This is the one place below
the shell that reads a file, once, before anything runs.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec

NETWORKS = ("public", "dev", "test", "local")
"""`local` is a developer's chain on one machine; the others have peers."""
DEFAULT_NETWORK = "public"


def load_spec(name_or_path: str) -> ChainSpec:
    """The spec of a network ("dev"), of a path, or of a shipped file's name. Raises InvalidSpec."""
    return parse_spec(spec_bytes(name_or_path))


def spec_bytes(name_or_path: str) -> bytes:
    """The JSON behind a network's name, a path, or (where there is no such path) a shipped file's name."""
    if name_or_path in NETWORKS:
        return _shipped(name_or_path)
    path = Path(name_or_path)
    if path.is_file():
        return path.read_bytes()
    for network in NETWORKS:
        if path.name == file_name(network):
            return _shipped(network)
    raise InvalidSpec("", f"{name_or_path!r} is neither a file nor one of {', '.join(NETWORKS)}")


def file_name(network: str) -> str:
    """The file's name in the project's root and in the package."""
    return f"genesis_block_{network}.json"


def _shipped(network: str) -> bytes:
    return files("quip.networks").joinpath("specs", file_name(network)).read_bytes()
