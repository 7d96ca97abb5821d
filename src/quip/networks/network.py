"""A network: its rules, the text that its genesis commits to, its puzzle, and whom a new node asks first."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import NETWORKS, load_spec, spec_bytes


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that a chain spec gives."""

    spec: ChainSpec
    text: bytes
    """The spec as it was written."""
    puzzle: Puzzle

    @property
    def bootnodes(self) -> tuple[str, ...]:
        """host:port of the nodes listed for it, whatever the place that its spec was read from; none for a network
        that is not shipped, or whose rules were changed."""
        name = self.spec.name
        if name not in NETWORKS or load_spec(name).digest != self.spec.digest:
            return ()
        return parse_bootnodes(files("quip.networks").joinpath("bootnodes", f"{name}.txt").read_text(encoding="utf-8"))


def load(name_or_path: str) -> Network:
    """The network of a name ("dev"), or of a chain spec's path. Raises InvalidSpec; OSError from reading the file."""
    return network_of(spec_bytes(name_or_path))


def network_of(text: bytes) -> Network:
    """The network that a chain spec describes. Raises InvalidSpec."""
    spec = parse_spec(text)
    return Network(spec, text, Puzzle(puzzle_rules(spec.puzzle)))


def parse_bootnodes(text: str) -> tuple[str, ...]:
    """The lines of a list of bootnodes, without comments and empty ones."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)
