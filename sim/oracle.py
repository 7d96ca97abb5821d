"""What has to hold after every run, whatever happened in it. Each breach is a line of text; none means passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from dataclasses import fields, is_dataclass
from itertools import chain as chained

from quip.chain.chain import Chain
from quip.consensus.block_validation import CheckedHeader, Parent, Rules, validate
from quip.consensus.errors.header import FutureBlock
from quip.consensus.errors.root import ConsensusError
from quip.consensus.execution.genesis import genesis_header, genesis_state
from quip.consensus.execution.rewards import Rewards
from quip.consensus.proof_of_work.difficulty import genesis_context
from quip.consensus.types.account_state import StateReader
from quip.consensus.types.ancestry import Ancestor, Ancestry
from quip.consensus.types.block import Block
from quip.consensus.types.header import EMPTY_TRIE_ROOT, Header
from quip.consensus.types.ommer import Ommer
from quip.net.address import netgroup
from quip.primitives import hybrid
from quip.primitives.bounded_dict import BoundedDict
from quip.storage.check import db_check
from quip.storage.state import StagedState
from sim.honest.node import SimNode, World

MAX_ITEMS = 5_000
"""Entries of any one container in a node's network machine after a run of some minutes with ten peers."""
MAX_CONNECTIONS = 80
"""Of one node: 64 inbound peers, and those that it dialled."""


def one_tip(nodes: Sequence[SimNode]) -> bool:
    """Whether all honest nodes are up and agree."""
    return all(node.up for node in nodes) and len({node.chain.head.hash for node in nodes}) == 1


def of_live_nodes(world: World, nodes: Sequence[SimNode]) -> Iterator[str]:
    """Checks of the nodes while they are up: agreement, bans, leaks, memory."""
    totals = {node.name: node.chain.head.context.total_difficulty for node in nodes}
    if len(set(totals.values())) > 1:
        yield f"without new blocks the nodes still disagree: {totals}"
    pools = [node.mempool.executable for node in nodes]
    for node, held in zip(nodes, pools, strict=True):
        if missing := set.union(*pools) - held:
            yield f"{node.name} lacks {len(missing)} transactions that others have"
    for node in nodes:
        yield from _bans(node, nodes)
        yield from _connections(world, node)
        yield from (f"{node.name}: {breach}" for breach in too_long(node.overlay, "overlay"))


def _bans(node: SimNode, nodes: Sequence[SimNode]) -> Iterator[str]:
    ids = {f"node:{other.node_id.hex()}" for other in nodes}
    groups = {f"net:{netgroup(other.address.host)}" for other in nodes}
    for ban in node.disk.peers.every_ban:
        if ban.subject in ids | groups:
            yield f"{node.name} banned the honest {ban.subject[:14]}: {ban.reason}"
        if FutureBlock.__name__ in ban.reason:
            yield f"{node.name} banned somebody for a block that is merely early"


def _connections(world: World, node: SimNode) -> Iterator[str]:
    open_ones = world.network.connections(node)
    if len(open_ones) > MAX_CONNECTIONS:
        yield f"{node.name} has {len(open_ones)} connections"
    listed = {peer.connection for peer in node.overlay.peers(node.clock.instant())}
    if not listed <= set(open_ones):
        yield f"{node.name} lists peers without a connection: {sorted(listed - set(open_ones))}"


def shown_and_settled(chain: Chain) -> tuple[int, int]:
    """How many ommers the canonical blocks show, and how many bonuses they paid."""
    shown = bonuses = 0
    for number in range(1, chain.head.header.number + 1):
        block = chain.block_by_number(number)
        if block is not None:
            shown += len(block.ommers)
            payments = block.rewards.payments if block.rewards else ()
            bonuses += sum(payment.address == payment.miner_id for payment in payments)
    return shown, bonuses


def left_over(nodes: Sequence[SimNode]) -> Iterator[str]:
    """Work that was never finished, where nobody lies and no block is new."""
    for node in nodes:
        gossip = node.overlay._state.gossip
        fetches = {"blocks": gossip._blocks, "bodies": gossip._bodies}
        parts: dict[str, Sized] = {"candidates": gossip, "jobs": gossip._pipeline._jobs, **fetches}
        left = {name: len(part) for name, part in parts.items() if len(part)}
        if left:
            yield f"{node.name} still works on {left}"
        if node.overlay.sync_state.syncing:
            yield f"{node.name} still syncs"


def too_long(thing: object, name: str, depth: int = 8, seen: set[int] | None = None) -> Iterator[str]:
    """Every container below `thing`, in the network's own code, with more entries than anything should have."""
    seen = set() if seen is None else seen
    if id(thing) in seen or depth == 0 or isinstance(thing, str | bytes | int | float | Chain):
        return
    seen.add(id(thing))
    if isinstance(thing, BoundedDict):
        thing = thing._entries
    if isinstance(thing, dict):
        parts = list(thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    else:
        for label, part in _attributes(thing):
            yield from too_long(part, f"{name}.{label}", depth - 1, seen)
        return
    if len(parts) > MAX_ITEMS:
        yield f"{name} holds {len(parts)} entries"
    for part in parts[:MAX_ITEMS]:
        yield from too_long(part, f"{name}[]", depth - 1, seen)


def _attributes(thing: object) -> list[tuple[str, object]]:
    if not type(thing).__module__.startswith("quip.net"):
        return []
    if is_dataclass(thing):
        return [(field.name, getattr(thing, field.name)) for field in fields(thing)]
    slots = chained.from_iterable(getattr(kind, "__slots__", ()) for kind in type(thing).__mro__)
    names = [*getattr(thing, "__dict__", {}), *slots]
    return [(name, getattr(thing, name)) for name in names if hasattr(thing, name)]


def of_stores(world: World, nodes: Sequence[SimNode]) -> Iterator[str]:
    """Checks of what the nodes left on their disks; opens and closes them."""
    judge = _Judge(world)
    for node in nodes:
        report = db_check(node.disk.store_path, spec=world.spec)
        yield from (f"{node.name}: {problem}" for problem in report.problems)
        chain = Chain.open(world.spec, node.disk.open_store(), world.puzzle)
        yield from (f"{node.name}: {breach}" for breach in judge.chain(chain))
        node.disk.close()
    yield from judge.leaves({node.disk.xmss_key for node in nodes})


class _Judge:
    """Re-verifies every block that any node holds, once, and every node's sums against it."""

    def __init__(self, world: World) -> None:
        self._spec = world.spec
        self._rules = Rules(world.spec, world.puzzle)
        self._scratch = StagedState.on_nothing()
        update = genesis_state(self._spec, self._scratch.state(EMPTY_TRIE_ROOT))
        genesis = genesis_header(self._spec, update.root)
        self._scratch.keep(genesis, update)
        self._judged = {genesis.hash: Parent(genesis.hash, genesis, genesis_context(self._spec))}
        self._paid: dict[bytes, Rewards] = {}
        first = self._judged[genesis.hash]
        below = Ancestor(first.hash, first.header, first.context, ())
        self._ancestries = {genesis.hash: Ancestry(self._spec.ommers.window, [below], 0)}
        self._signed: dict[tuple[bytes, int], set[bytes]] = {}

    def chain(self, chain: Chain) -> Iterator[str]:
        """A node's chain from every tip down, and its supply."""
        for tip in chain.tips():
            yield from self._branch(chain, tip)
        if chain.head.hash in self._judged:  # else it, or a block below it, is among the breaches
            yield from self._supply(chain)

    def leaves(self, keys: set[bytes]) -> Iterator[str]:
        """One-time leaves of these keys that signed two messages."""
        for (key, leaf), signed in self._signed.items():
            if key in keys and len(signed) > 1:
                yield f"leaf {leaf} of a key signed {len(signed)} blocks"

    def _branch(self, chain: Chain, tip: bytes) -> Iterator[str]:
        missing: list[Block] = []
        while tip not in self._judged:
            stored = chain.block_by_hash(tip)
            if stored is None:
                yield f"block 0x{tip.hex()} is missing"
                return
            missing.append(stored.block)
            tip = stored.header.parent_hash
        for block in reversed(missing):
            try:
                self._verify(block)
            except ConsensusError as error:
                yield f"stored block {block.header.number} is invalid: {type(error).__name__}: {error}"
                return

    def _verify(self, block: Block) -> None:
        executed = validate(self._rules, self, block, block.header.timestamp)
        self._scratch.keep(executed.checked.header, executed.state)
        self._judged[executed.checked.hash] = executed.checked.as_parent
        self._paid[executed.checked.hash] = executed.executed.rewards
        if executed.ancestry is not None:
            self._ancestries[executed.checked.hash] = executed.ancestry
        if block.seal is not None:
            leaf = hybrid.leaf_of(block.seal.suite, block.seal.xmss_signature)
            self._signed.setdefault((block.seal.xmss_key, leaf), set()).add(executed.checked.hash)

    def parent(self, header: Header) -> Parent:
        """`block_validation.ParentChain`: of blocks that were judged."""
        return self._judged[header.parent_hash]

    def ancestry(self, parent: Parent) -> Ancestry:
        """The chain up to a block that was judged."""
        return self._ancestries[parent.hash]

    def has_sealed(self, ommer: Ommer) -> bool:
        """Never: every seal is verified."""
        return False

    def admit(self, checked: CheckedHeader) -> None:
        """What a node took may be as old as it likes."""

    def state(self, root: bytes) -> StateReader:
        """After a block that was judged."""
        return self._scratch.state(root)

    def _supply(self, chain: Chain) -> Iterator[str]:
        paid, payees = 0, set()
        tip = chain.head.hash
        while True:
            header, context = self._judged[tip].header, self._judged[tip].context
            if header.number == 0:
                break
            if chain.tree.context(tip) != context or not chain.tree.is_canonical(tip, header.number):
                yield f"block {header.number} has another context or index entry than it should"
            for payment in self._paid[tip].payments:
                paid += payment.amount
                payees.add(payment.address)
            tip = header.parent_hash
        state = chain.tree.state(chain.head.header.state_root)
        accounts = [state.account(payee) for payee in sorted(payees)]
        held = sum(account.balance for account in accounts if account is not None)
        if held != paid:
            yield f"supply is {held}, rewards were {paid}"
