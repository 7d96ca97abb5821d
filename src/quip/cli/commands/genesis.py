"""quip genesis: cuts a network out of a chain spec, and shows what a spec's network is."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import Json
from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.spec.chain_spec import ChainSpec
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.files import durable_files
from quip.networks.cut import FASTEST_CORE, Cut, commits_to, cut_network, floor_level
from quip.networks.network import Network, network_of
from quip.networks.shipped import DEFAULT_NETWORK, spec_bytes
from quip.node.errors import ConfigError, NodeError
from quip.storage.state import StagedState

PER_NS = 1e9
PUBLIC_FILE = 0o644

app = command_app(help="Cut a network out of a chain spec; show what a spec makes.", no_args_is_help=True)

Spec = Annotated[str, typer.Argument(help="public, dev, test, local, or the path of a chain spec", metavar="CHAIN")]
Words = Annotated[
    str | None, typer.Option("--commit-to", help="Something that nobody knew before: today's headline, a block's hash")
]


@app.command()
def cut(
    chain: Spec,
    out: Annotated[Path, typer.Option("--out", help="Where the new chain spec goes; nothing may be there yet")],
    commit_to: Words = None,
    core_rate: Annotated[
        float, typer.Option("--core-rate", min=0, help="Spin updates per ns of the fastest core; 0 leaves lo as it is")
    ] = FASTEST_CORE / PER_NS,
    as_json: Json = False,
) -> None:
    """Write a chain spec whose genesis is stamped now and commits to what nobody knew before.

    Of a network named public the lowest level becomes what one core of --core-rate needs a block time for, if it is
    below that; other networks' coins are worth nothing. Name and chain id are CHAIN's: edit a copy of it first for a
    network of your own.
    """
    if not commit_to:
        raise ConfigError(
            "--commit-to is missing", "give today's headline, or the hash of another chain's newest block"
        )
    text = _read(chain)
    spec = _network(chain, text).spec
    floor = 0
    if core_rate and spec.name == DEFAULT_NETWORK:
        floor = floor_level(core_rate * PER_NS, spec.difficulty.target_block_time)
    try:
        made = cut_network(text, Cut(int(time.time()), commit_to.encode(), floor))
    except InvalidSpec as error:
        raise ConfigError(f"{chain}: {error}", "docs/operations.md, Launching a network") from None
    try:
        durable_files.create(out, made, PUBLIC_FILE)
    except FileExistsError:
        raise ConfigError(f"{out} is there already", "a network is cut once: name another file") from None
    except OSError as error:
        raise NodeError(f"cannot write {out}: {error.strerror}", "name a place that can be written to") from None
    _show(network_of(made), str(out), as_json, raised=floor > spec.difficulty.lo)


@app.command()
def show(chain: Spec, commit_to: Words = None, as_json: Json = False) -> None:
    """Show the genesis block that a chain spec makes. Exit status 1 if it does not commit to --commit-to."""
    network = _network(chain, _read(chain))
    _show(network, chain, as_json)
    if commit_to is not None and not commits_to(network.spec, commit_to.encode()):
        raise NodeError("the genesis does not commit to these words", "they count letter by letter")


def _read(chain: str) -> bytes:
    try:
        return spec_bytes(chain)
    except InvalidSpec as error:
        raise ConfigError(str(error), "give public, dev, test, local, or the path of a chain spec") from None
    except OSError as error:
        raise ConfigError(f"cannot read {chain}: {error.strerror}", "give the path of a chain spec") from None


def _network(chain: str, text: bytes) -> Network:
    try:
        return network_of(text)
    except InvalidSpec as error:
        raise ConfigError(f"{chain}: {error}", "give a valid chain spec") from None


def _show(network: Network, place: str, as_json: bool, raised: bool = False) -> None:
    spec = network.spec
    state = genesis_state(spec, StagedState.on_nothing().state(EMPTY_TRIE_ROOT))
    genesis_hash = genesis_header(spec, state.root).hash.hex()
    stamp = datetime.fromtimestamp(spec.genesis.timestamp, UTC)
    if as_json:
        output.emit_json(
            {
                "spec": place,
                "name": spec.name,
                "chainId": spec.chain_id,
                "genesisHash": f"0x{genesis_hash}",
                "timestamp": spec.genesis.timestamp,
                "extraData": f"0x{spec.genesis.extra_data.hex()}",
                "lo": spec.difficulty.lo,
                "start": spec.difficulty.start,
            }
        )
        return
    output.emit_pairs(
        {
            "spec": place,
            "network": f"{spec.name}, chain id {spec.chain_id}",
            "genesis": f"0x{genesis_hash}",
            "stamped": f"{stamp:%Y-%m-%d %H:%M:%S} UTC",
            "extraData": f"0x{spec.genesis.extra_data.hex()}",
            "levels": _levels(spec, raised),
        }
    )


def _levels(spec: ChainSpec, raised: bool) -> str:
    levels = spec.difficulty
    lo = f"lo {output.level(levels.lo)}{' (raised)' if raised else ''}"
    return f"{lo}, start {output.level(levels.start)}, hi {output.level(levels.hi)}"
