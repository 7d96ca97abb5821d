"""What lies where in a data directory."""

from dataclasses import dataclass
from pathlib import Path

from quip.node.config.home import quip_home
from quip.node.config.node_config import SPEC_FILE, NodeConfig, default_data_dir
from quip.node.process.running_nodes import RPC_FILE
from quip.storage.chain_store import STORE_FILE


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The files and directories below one data directory."""

    root: Path

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
        home = quip_home()
        inside = self.root / "identity-records"
        return (inside,) if home is None else (home / "records", inside)

    @property
    def trust(self) -> Path:
        """What is known of peers: pins, bans, addresses."""
        return self.root / "trust.db"

    @property
    def wallet(self) -> Path:
        """The payout wallet."""
        return self.root / "wallet"


def files_of(config: NodeConfig, chain: str) -> DataFiles:
    """The data directory that the configuration names, or the default one of the chain and port."""
    return DataFiles(config.data_dir or default_data_dir(chain, config.port))
