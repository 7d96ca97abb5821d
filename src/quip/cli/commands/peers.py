"""quip peers: whom the node talks to, whom it trusts, whom it refuses; while the node runs and while it does not."""

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from quip.cli.node_access import meant_data_dir, open_target, running_url
from quip.cli.terminal import output
from quip.cli.terminal.lazy_commands import command_app
from quip.cli.terminal.options import DataDir, Json, Target, names_node
from quip.net.address import Address, is_nearby
from quip.net.peers.bans import group_subject, node_subject
from quip.net.peers.trust_db import NODE_ID_BYTES, TrustEditor
from quip.net.ports import Ban
from quip.node.config.data_dir import DataFiles
from quip.node.config.node_config import FIRST_PORT, peer_address, split_address
from quip.node.errors import ConfigError, DataDirError, NodeError
from quip.node.network.peer_resolver import addresses_of
from quip.rpc.encoding import integer

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_REASON = 200  # characters; the node shows it to the banned peer
MAX_BAN_S = 100 * 365 * UNITS_S["d"]  # "for ever" fits the clock of every system
NETGROUP = re.compile(r"net:(?:4:(\d{1,3}\.\d{1,3})|6:([0-9a-f]{1,4}:[0-9a-f]{1,4}))")  # as net/address.py writes it
FIRST_DIGITS = re.compile(r"[0-9a-f]{8,63}")  # of a node id, as tables show it
LIST_HINT = "quip peers list shows what there is"

app = command_app(help="Look at the node's peers; add, ban and trust them.", invoke_without_command=True)

Peer = Annotated[str, typer.Argument(help="host:port, such as seed.example:20049", metavar="PEER")]
Whom = Annotated[
    str, typer.Argument(help="A node id (or its first digits), or an IP address for its network", metavar="WHOM")
]
Place = Annotated[str, typer.Argument(help="host:port of the peer whose key changed", metavar="ADDRESS")]
NodeId = Annotated[str | None, typer.Option("--node-id", help="The key to expect; default: whoever answers next")]
Length = Annotated[str, typer.Option("--for", help="How long: 30m, 12h, 7d", metavar="TIME")]
Reason = Annotated[str, typer.Option("--reason", help="Kept with the ban, and told to the peer")]


@app.callback()
@names_node
def before(context: typer.Context, target: Target, as_json: Json = False) -> None:
    """Look at the node's peers; add, ban and trust them. Without a command: list them."""
    if context.invoked_subcommand is None:
        _list_peers(target, as_json)


@app.command("list")
@names_node
def list_peers(target: Target, as_json: Json = False) -> None:
    """Show connected and manual peers, bans and known keys."""
    _list_peers(target, as_json)


def _list_peers(target: Target, as_json: bool) -> None:
    files = None if target.rpc is not None and target.data_dir is None else _existing(target.data_dir)
    url = target.rpc or (None if files is None else running_url(files.root))
    live: list[dict[str, Any]] = []
    if url is not None:
        with open_target(replace(target, rpc=url)) as node:
            live = node.call("quip_getPeers")
    report: dict[str, Any] = {"running": url is not None, "peers": live, "manual": [], "bans": [], "pins": []}
    if files is not None:
        report |= {"dataDir": str(files.root), **_remembered(files)}
    if as_json:
        output.emit_json(report)
    else:
        _show(report)


@app.command()
def add(peer: Peer, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Have the node connect to a peer, now and after every start."""
    text = peer_address(peer)
    with _edited(data_dir) as trust:
        added = trust.add_manual(text)
    _done({"peer": text, "added": added}, f"{text} added" if added else f"{text} was there already", as_json)


@app.command()
def remove(peer: Peer, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Take back what `quip peers add` did."""
    text = peer_address(peer)
    with _edited(data_dir) as trust:
        if not trust.remove_manual(text):
            raise NodeError(f"{text} was not added by quip peers add", f"{LIST_HINT}; --peer and peer = are not in it")
    _done({"peer": text, "removed": True}, f"{text} removed", as_json)


@app.command()
def ban(
    whom: Whom,
    length: Length = "1d",
    reason: Reason = "by the operator",
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Refuse a node or a network for a time, and cut it off."""
    subject = _subject(whom, data_dir)
    if is_nearby(subject.removeprefix("net:")):
        raise ConfigError(f"{whom} is a private address: its network is not banned", "ban the node by its id")
    until = int(time.time()) + _seconds(length)
    with _edited(data_dir) as trust:
        offences = max((old.offences for old in trust.bans() if old.subject == subject), default=1)
        trust.save_ban(Ban(subject, until, reason[:MAX_REASON], offences))
    _done({"subject": subject, "until": until}, f"{subject} is banned until {output.moment(until)} UTC", as_json)


@app.command()
def unban(whom: Whom, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Lift a ban and forget its offences."""
    subject = _subject(whom, data_dir)
    with _edited(data_dir) as trust:
        if not trust.unban(subject):
            raise NodeError(f"{subject} is not banned", LIST_HINT)
    _done({"subject": subject, "lifted": True}, f"{subject} is not banned any more", as_json)


@app.command()
def trust(address: Place, node_id: NodeId = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Accept that a peer has another key now. Ask its operator first: it may be somebody else who answers there."""
    expected = None if node_id is None else _node_id(node_id)
    places = _addresses(address)
    with _edited(data_dir) as editor:
        known = [place for place in places if editor.trust(place, expected)]
    if expected is None and not known:
        raise NodeError(f"no key is known for {address}", f"the next one that answers there is trusted; {LIST_HINT}")
    what = "the next key that answers is trusted" if expected is None else f"expected from now on: {expected.hex()}"
    changed = [str(place) for place in (known if expected is None else places)]
    shown = {"addresses": changed, "nodeId": None if expected is None else "0x" + expected.hex()}
    _done(shown, f"{', '.join(changed)}: {what}", as_json)


def _existing(data_dir: Path | None) -> DataFiles:
    files = DataFiles(meant_data_dir(data_dir))
    if not files.root.is_dir():
        raise DataDirError(f"there is no data directory {files.root}", "give the --data-dir of a node that has run")
    return files


@contextlib.contextmanager
def _edited(data_dir: Path | None) -> Iterator[TrustEditor]:
    editor = TrustEditor(_existing(data_dir).trust)
    try:
        yield editor
    finally:
        editor.close()


def _done(report: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        output.emit_json(report)
        return
    typer.echo(text)


def _remembered(files: DataFiles) -> dict[str, Any]:
    """What trust.db says; nothing where there is none yet."""
    if not files.trust.is_file():
        return {}
    editor = TrustEditor(files.trust)
    try:
        now = int(time.time())
        return {
            "manual": editor.manual(),
            "bans": [
                {"subject": old.subject, "until": old.until_unix_s, "reason": old.reason, "offences": old.offences}
                for old in editor.bans()
                if old.until_unix_s > now
            ],
            "pins": [
                {"address": str(pin.address), "nodeId": "0x" + pin.node_id.hex(), "firstSeen": pin.first_seen_unix_s}
                for pin in editor.pins()
            ],
        }
    finally:
        editor.close()


def _show(report: dict[str, Any]) -> None:
    now = time.time()
    if not report["running"]:
        typer.echo(f"the node of {report['dataDir']} does not run")
    elif not report["peers"]:
        typer.echo("no peers are connected")
    else:
        columns = ("address", "direction", "node id", "agent", "head", "for", "heard", "in", "out")
        output.emit_table(columns, [_live_row(peer, now) for peer in report["peers"]])
    if report["manual"]:
        output.emit_table(("manual peer",), [(peer,) for peer in report["manual"]])
    if report["bans"]:
        banned = [
            (old["subject"], output.moment(old["until"]), old["offences"], old["reason"]) for old in report["bans"]
        ]
        output.emit_table(("banned", "until (UTC)", "times", "reason"), banned)
    if report["pins"]:
        rows = [
            (pin["address"], pin["nodeId"].removeprefix("0x"), output.moment(pin["firstSeen"]))
            for pin in report["pins"]
        ]
        output.emit_table(("known address", "node id", "since (UTC)"), rows)


def _live_row(peer: dict[str, Any], now: float) -> tuple[object, ...]:
    return (
        peer["address"],
        peer["direction"],
        peer["nodeId"].removeprefix("0x")[:16],
        peer["agent"],
        f"#{integer(peer['head']['number']):,}",
        span(now - peer["connectedSince"]),
        f"{peer['lastHeartbeatAge']:.0f} s",
        size(peer["bytesIn"]),
        size(peer["bytesOut"]),
    )


def span(seconds: float) -> str:
    """A length of time in its largest unit.

    >>> span(59), span(7300)
    ('59 s', '2 h')
    """
    unit = next((unit for unit in ("d", "h", "m") if seconds >= UNITS_S[unit]), "s")
    return f"{max(int(seconds), 0) // UNITS_S[unit]} {unit}"


def size(count: int) -> str:
    """Bytes in the largest unit.

    >>> size(999), size(2_500_000)
    ('999 B', '2.5 MB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} B"


def _subject(text: str, data_dir: Path | None) -> str:
    """The name of a ban's subject: node:<hex> or net:<group>. Raises ConfigError."""
    plain = text.removeprefix("node:").removeprefix("0x").lower()
    if len(plain) == 2 * NODE_ID_BYTES:
        return node_subject(_node_id(plain))
    if found := NETGROUP.fullmatch(text):
        text = f"{found[1]}.0.1" if found[1] else f"{found[2]}::1"
    if FIRST_DIGITS.fullmatch(plain):
        return node_subject(_whole(plain, data_dir))
    with contextlib.suppress(ConfigError, ValueError):
        return group_subject(split_address(text, "whom")[0].strip("[]"))
    raise ConfigError(
        f"{text!r} is neither a node id nor an IP address", "quip peers list shows the ids of connected nodes"
    )


def _whole(digits: str, data_dir: Path | None) -> bytes:
    """The one known node id that begins so. Raises ConfigError."""
    files = _existing(data_dir)
    remembered = _remembered(files)
    known = {ban["subject"].removeprefix("node:") for ban in remembered.get("bans", ())}
    known |= {pin["nodeId"].removeprefix("0x") for pin in remembered.get("pins", ())}
    url = running_url(files.root)
    if url is not None:
        with open_target(Target(rpc=url)) as node:
            known |= {peer["nodeId"].removeprefix("0x") for peer in node.call("quip_getPeers")}
    found = [one for one in known if one.startswith(digits)]
    if len(found) != 1:
        raise ConfigError(f"{len(found) or 'no'} known node ids begin with {digits}", LIST_HINT)
    return _node_id(found[0])


def _node_id(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != NODE_ID_BYTES:
        raise ConfigError(f"{text!r} is no node id", f"a node id is {2 * NODE_ID_BYTES} hex digits")
    return found


def _seconds(text: str) -> int:
    """30m, 12h, 7d in seconds. Raises ConfigError."""
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit() and unit in UNITS_S):
        raise ConfigError(f"{text!r} is no length of time", "write a number and s, m, h or d: 30m, 12h, 7d")
    return min(int(number[:20]) * UNITS_S[unit], MAX_BAN_S)


def _addresses(text: str) -> list[Address]:
    """The IP addresses that a host:port means. Raises ConfigError, NodeError."""
    host, port = split_address(text, "address")
    try:
        return addresses_of(host, port or FIRST_PORT)
    except OSError as error:
        raise NodeError(f"no address for {host}: {error.strerror or error}", "give the IP address and port") from None
