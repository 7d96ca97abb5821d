"""Opens what a node stands on: the rules, the data directory, the store, the keys. What goes wrong is explained."""

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from quip.chain.chain import Chain
from quip.chain.errors import IncompleteStore
from quip.chain.errors import WrongChain as OtherGenesis
from quip.chain.ports import ChainStore
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec, parse_spec
from quip.consensus.spec.document import parse_document
from quip.files import durable_files
from quip.files.file_lock import NO_LOCKS_HINT, NoLocks
from quip.ising.puzzle import Puzzle, PuzzleRules
from quip.networks.network import Network
from quip.networks.shipped import spec_bytes
from quip.node.config.data_dir import SPEC_FILE, DataFiles
from quip.node.errors import (
    ConfigError,
    DamagedStore,
    DataDirBusy,
    DataDirError,
    DiskFull,
    NodeError,
    PayoutRefused,
    WrongChain,
    retire_hint,
)
from quip.primitives.address import checksum_address
from quip.primitives.hybrid import leaf_of
from quip.storage.chain_store import RedbChainStore, open_chain_store, read_chain_store
from quip.storage.errors import (
    OLDER,
    DataDirLocked,
    NoArchive,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreVersion,
    WrongNetwork,
    damage_of,
)
from quip.storage.lock import DataDirLock
from quip.storage.state import ARCHIVE, DEFAULT_LIMITS
from quip.wallet.accounts.payout import PayoutWallet
from quip.wallet.errors import JournalMissing, KeyExhausted, WriteFailed
from quip.wallet.mining_identity.identity import MiningIdentity

log = structlog.get_logger("quip.node")

LEAF_HISTORY = 4096  # blocks back in which our own last leaf is looked for; a restored backup is rarely older
SPEC_HINT = "give public, dev, test, local, or the path of a chain spec (JSON) to --genesis-config"
DAMAGED_SPEC_HINT = (
    "start the node once with the --genesis-config (public, dev, test, local or a file) that this directory was made "
    "with: that writes the file anew"
)


def load_rules(genesis_config: str) -> Network:
    """The rules of a network's name or a chain spec's path. Raises ConfigError."""
    return rules_of(read_spec(genesis_config)[1], genesis_config)


def read_spec(genesis_config: str) -> tuple[ChainSpec, bytes]:
    """The chain spec of a network's name or a path, and its text. Raises ConfigError."""
    try:
        text = spec_bytes(genesis_config)
    except InvalidSpec as error:
        raise ConfigError(f"genesis_config: {error}", SPEC_HINT) from None
    except OSError as error:
        raise ConfigError(f"cannot read the chain spec {genesis_config}: {error.strerror}", SPEC_HINT) from None
    return spec_of(text, genesis_config), text


def spec_of(text: bytes, source: str) -> ChainSpec:
    """The chain spec in a text. Raises ConfigError."""
    try:
        return parse_spec(text)
    except InvalidSpec as error:
        hint = own_spec_hint(Path(source), text) if Path(source).name == SPEC_FILE else SPEC_HINT
        raise ConfigError(f"{source}: {error}", hint) from None


def own_spec_hint(path: Path, text: bytes) -> str:
    """What to do about an unusable spec in a data directory: is it damaged, or of other rules than today's?"""
    try:
        whole = "chain_id" in parse_document(text)
    except InvalidSpec:
        whole = False
    return retire_hint(path.parent) if whole else DAMAGED_SPEC_HINT


def rules_of(text: bytes, source: str) -> Network:
    """The rules in a chain spec's text. Raises ConfigError."""
    spec = spec_of(text, source)
    try:
        return Network(spec, text, Puzzle(puzzle_rules(spec.puzzle)))
    except InvalidSpec as error:
        raise ConfigError(f"{source}: {error}", SPEC_HINT) from None


def other_chain(directory: Path, stored: int, wanted: int) -> DataDirError:
    """The data directory of one chain, wanted for another."""
    return DataDirError(
        f"{directory} holds chain id {stored}, the chain spec says {wanted}",
        "leave --genesis-config out: the directory knows its own chain. Or name another --data-dir",
    )


def directory_rules(files: DataFiles) -> Network:
    """The rules that a data directory was made with. Raises DataDirError where the file that has them is of no use.

    The puzzle's graph is built once it is needed, and may raise DataDirError then: most commands look at no proof.
    """
    try:
        text = files.spec.read_bytes()
        spec = spec_of(text, str(files.spec))
    except OSError as error:
        raise DataDirError(f"cannot read {files.spec}: {error.strerror or error}", DAMAGED_SPEC_HINT) from None
    except ConfigError as error:
        raise DataDirError(error.message, error.hint) from None

    def make() -> PuzzleRules:
        try:
            return puzzle_rules(spec.puzzle)
        except InvalidSpec as error:
            raise DataDirError(f"{files.spec}: {error}", own_spec_hint(files.spec, text)) from None

    return Network(spec, text, Puzzle(make))


@contextlib.contextmanager
def explained(directory: Path) -> Iterator[None]:
    """Turn what storage and the disk say about a data directory into errors for the operator."""
    try:
        yield
    except DataDirLocked as error:
        raise DataDirBusy(directory, error.holder) from None
    except StoreLocked:
        raise DataDirBusy(directory, None) from None
    except StoreFull:
        raise DiskFull(directory) from None
    except (StoreCorrupt, IncompleteStore) as error:
        raise DamagedStore(directory, damage_of(str(error))) from None
    except OtherGenesis as error:
        raise WrongChain(directory, error.stored, error.expected) from None
    except WrongNetwork as error:
        raise other_chain(directory, error.stored, error.expected) from None
    except (StoreVersion, NoArchive) as error:
        raise _other_store(directory, error) from None
    except StoreError as error:
        raise DataDirError(f"the store in {directory}: {error}", "check the disk and the directory's owner") from None
    except WriteFailed as error:
        if durable_files.is_full(error.errno):
            raise DiskFull(directory) from None
        raise
    except BrokenPipeError:  # the reader of our output is gone, which is no fault of the directory
        raise
    except OSError as error:
        raise _disk_error(directory, error) from None


def _other_store(directory: Path, error: StoreVersion | NoArchive) -> DataDirError:
    """An older store is mostly one of a network that was cut anew since; else it can be rebuilt."""
    reindex = ["quip", "db", "reindex", "--data-dir", str(directory)]
    if isinstance(error, NoArchive):
        hint = f"leave archive out, or run: {shlex.join([*reindex, '--archive'])}"
        return DataDirError(f"{directory}: {error}", hint)
    found, older, _ = str(error).partition(OLDER)
    if not older:
        return DataDirError(f"{directory}: {error}", "use the version of quip that wrote it, or another --data-dir")
    return DataDirError(f"{directory}: {found}", f"{retire_hint(directory)}; if it was not: {shlex.join(reindex)}")


def _disk_error(directory: Path, error: OSError) -> NodeError:
    if durable_files.is_full(error.errno):
        return DiskFull(directory)
    hint = "give a --data-dir that you may write to (or mend its owner and permissions)"
    if isinstance(error, NoLocks):
        hint = NO_LOCKS_HINT
    return DataDirError(f"cannot use the data directory {directory}: {error.strerror or error}", hint)


def lock_directory(files: DataFiles) -> DataDirLock:
    """Make the directory where absent and take it for this process."""
    with explained(files.root):
        found = files.root.is_dir()
        lock = DataDirLock.acquire(files.root)
        if not found:  # somebody's own directory keeps its mode; what is secret in it is closed by itself
            files.root.chmod(0o700)
        return lock


def open_chain(files: DataFiles, rules: Network, archive: bool = False) -> tuple[RedbChainStore, Chain]:
    """The chain in a data directory, made where absent; as an archive where asked for."""
    limits = ARCHIVE if archive else DEFAULT_LIMITS
    with explained(files.root), contextlib.ExitStack() as undo:
        store = open_chain_store(files.store, rules.spec.chain_id, limits)
        undo.callback(store.close)
        chain = Chain.open(rules.spec, store, rules.puzzle)
        _keep_spec(files.spec, rules.text)
        undo.pop_all()
    return store, chain


def _keep_spec(file: Path, text: bytes) -> None:
    """Leave the chain's own spec in the data directory: the store has just proved that it is this one."""
    found = file.read_bytes() if file.exists() else None
    if found != text:
        durable_files.replace(file, text)
        if found is not None:
            log.warning("chain_spec.json was damaged, and is written anew", file=str(file))


@contextlib.contextmanager
def stopped_chain(files: DataFiles) -> Iterator[tuple[Network, RedbChainStore, Chain]]:
    """The chain of a node that does not run: nothing in its store changes. Raises DataDirBusy where it does run."""
    if not files.store.is_file() or not files.spec.is_file():
        raise DataDirError(f"there is no chain in {files.root}", "give the --data-dir of a node that has run")
    with explained(files.root), DataDirLock.acquire(files.root):
        rules = directory_rules(files)
        with contextlib.closing(read_chain_store(files.store)) as store:
            yield rules, store, Chain.open(rules.spec, store, rules.puzzle)


def open_identity(
    files: DataFiles, chain_id: int, store: ChainStore, progress: Callable[[int, int], None] | None
) -> MiningIdentity:
    """The mining identity, made on the first run."""
    with explained(files.root):
        records = records_of(files)
        identity = MiningIdentity.open(
            files.identity, chain_id, records, progress, lambda miner: first_unseen_leaf(store, miner)
        )
    if identity.fresh_because:
        _tell_of_a_fresh_tree(identity, records, first=store.canonical(1) is None)
    return identity


def _tell_of_a_fresh_tree(identity: MiningIdentity, records: Path, *, first: bool) -> None:
    """Expected at the first start and when all keys are used; else it costs something each time, and can be cured."""
    miner_id, why = identity.miner_id, identity.fresh_because
    if why == "first run" and not first:
        why = "there is none, though there is a chain"
    if identity.doubt is None or isinstance(identity.doubt, KeyExhausted):
        log.info("new mining identity", miner_id=miner_id, why=why)
        return
    hint = "move nothing of identity/, restore it from no backup, and let no two nodes share it"
    if isinstance(identity.doubt, JournalMissing):
        hint = f"keep {records} over restarts (in a container: on a volume of its own, named by --records-dir)"
    cost = "this miner has another id from now on; what the old one earned stays paid"
    log.warning("new mining identity", miner_id=miner_id, why=why, cost=cost, hint=hint)


def records_of(files: DataFiles) -> Path:
    """The first place for the identity's records that can be written (a service may have no home).

    Raises ConfigError for one within the identity's own directory, which every backup of it would take along.
    """
    check_records(files)
    *preferred, last = files.identity_records
    for directory in preferred:
        with contextlib.suppress(OSError):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(directory, os.W_OK):
                return directory
    return last


def check_records(files: DataFiles) -> None:
    """Raises ConfigError for records within the identity's own directory."""
    if files.records is not None and files.records.resolve().is_relative_to(files.identity.resolve()):
        raise ConfigError(
            f"records_dir = {files.records} lies in the identity's directory", "name one outside the data directory"
        )


def first_unseen_leaf(store: ChainStore, miner_id: bytes) -> int:
    """One past the leaf of the miner's last canonical block within LEAF_HISTORY, 0 where there is none."""
    block_hash = store.head()
    for _ in range(LEAF_HISTORY):
        header = None if block_hash is None else store.header(block_hash)
        if header is None or block_hash is None or header.number == 0:
            return 0
        if header.miner_id == miner_id:
            block = store.block(block_hash)
            return leaf_of(block.seal.suite, block.seal.xmss_signature) + 1 if block and block.seal else 0
        block_hash = header.parent_hash
    return 0


def payee(payout: bytes | None, files: DataFiles, store: ChainStore, miner_id: bytes) -> bytes:
    """The address that rewards go to: the one asked for, or the node's own wallet (made on the first run)."""
    if payout is None:
        with explained(files.root):
            wallet = PayoutWallet.create_or_open(files.wallet)
        if wallet.created:
            log.warning(
                "new payout wallet: write its words down and keep them safe",
                address=wallet.checksum_address,
                mnemonic=str(wallet.mnemonic_path),
            )
        return wallet.address
    if payout == miner_id or store.miner(payout) is not None:
        raise PayoutRefused(checksum_address(payout))
    return payout
