"""What lies where in a data directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quip.node.config.home import quip_home
from quip.node.errors import ConfigError
from quip.node.process.running_nodes import RPC_FILE
from quip.storage import STORE_FILE

if TYPE_CHECKING:
    from quip.node.config.node_config import NodeConfig

SPEC_FILE = "chain_spec.json"
MADE_FIRST = (STORE_FILE, SPEC_FILE, "identity", "wallet", "trust.db")  # what makes a directory a node's


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The files and directories below one data directory."""

    root: Path
    records: Path | None = None
    """Where the operator wants the identity's records; None: in the home."""

    @property
    def store(self) -> Path:
        """The chain: blocks, state, indexes."""
        return self.root / STORE_FILE

    @property
    def spec(self) -> Path:
        """The chain spec that the directory was made with."""
        return self.root / SPEC_FILE

    @property
    def rpc(self) -> Path:
        """Where the running node answers."""
        return self.root / RPC_FILE

    @property
    def identity(self) -> Path:
        """The mining identity's keys and signer state."""
        return self.root / "identity"

    @property
    def identity_records(self) -> tuple[Path, ...]:
        """Where what the identity must not forget is kept, best first: outside the data directory, so that a restored
        or rolled-back data directory is found out."""
        if self.records is not None:
            return (self.records,)
        home = quip_home()
        within = self.root / "identity-records"
        return (within,) if home is None else (home / "records", within)

    @property
    def trust(self) -> Path:
        """What is known of peers: pins, bans, addresses."""
        return self.root / "trust.db"

    @property
    def clock(self) -> Path:
        """The newest time that this directory's node has seen."""
        return self.root / "clock"

    @property
    def mempool(self) -> Path:
        """Transactions that were in no block when the node last ran."""
        return self.root / "mempool"

    @property
    def wallet(self) -> Path:
        """The payout wallet."""
        return self.root / "wallet"


def files_of(config: NodeConfig, chain: str) -> DataFiles:
    """The data directory that the configuration names, or the default one of the chain and port."""
    return DataFiles(config.data_dir or default_data_dir(chain, config.port), config.records_dir)


def default_data_dir(chain: str, port: int) -> Path:
    """`~/.quip/<chain>/<port>`: several nodes on one machine never meet. Raises ConfigError without a home."""
    home = quip_home()
    if home is None:
        raise ConfigError("this user has no home directory for the node's data", "name a directory with --data-dir")
    return home / chain / str(port)


def existing_data_dirs() -> list[Path]:
    """The default data directories in which a node has run, by chain and port."""
    home = quip_home()
    found = () if home is None else home.glob("*/*")
    made = [place for place in found if place.name.isdecimal() and any((place / name).exists() for name in MADE_FIRST)]
    return sorted(made, key=lambda place: (place.parent.name, int(place.name)))
