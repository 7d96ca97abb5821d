"""Import of full blocks of transfers, and of ERC-20 transfers, over 200,000 accounts: everything that a node does.

    python -m benchmarks transactions

Blocks are made and sealed first, then accepted one by one by a chain on a file: header, seal, recovery of senders on
all cores, execution, root, receipts, the durable commit, and the flushes of the state that fall into the run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from benchmarks import report
from quip._native import store as native_store
from quip.chain.chain import Chain
from quip.chain.events import Head
from quip.chain.template import Below, Payee, make_draft
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import ChainSpec, GenesisAccount
from quip.consensus.types.account_state import AccountChange
from quip.consensus.types.block import Block
from quip.consensus.types.transaction import SignedTransaction, decode, recover
from quip.ising.puzzle import Puzzle
from quip.networks.shipped import load_spec
from quip.primitives import ecdsa, rlp
from quip.primitives.hashes import keccak256
from quip.storage.chain_store import for_network
from quip.wallet.mining_identity.identity import MiningIdentity
from sim.honest.chain_generator import ChainGenerator

ACCOUNTS = 200_000
TRANSFERS = 1_400
BLOCKS = 12
SENDERS = TRANSFERS
GOAL = 10_000
"""Transactions a second."""
BALANCE = 10**24
FEE = 10**11
TOKEN = b"\x70" * 20
TOKEN_GAS = 60_000
TOKEN_CODE = bytes.fromhex(
    "602435335403335560243560043554016004355560243560005260043533"
    "7fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60206000a3600160005260206000f3"
)
"""transfer(to, amount), whatever the selector: two slots, a Transfer event, and true."""
Maker = Callable[[int, int, int], bytes]
"""(sender, nonce, recipient) -> transaction"""


@dataclass
class Wallet:
    """A sender's key and address."""

    secret: bytes
    address: bytes


@cache
def wallets() -> list[Wallet]:
    """All senders."""
    secrets = [keccak256(b"sender" + number.to_bytes(4, "big")) for number in range(SENDERS)]
    return [Wallet(secret, ecdsa.address(ecdsa.public_key(secret))) for secret in secrets]


def account(number: int) -> bytes:
    """Address of one of the many."""
    return keccak256(number.to_bytes(12, "big"))[:20]


def spec_with_accounts() -> ChainSpec:
    """The `test` network with all accounts, and room for a full block."""
    spec = load_spec("test")
    rich = [GenesisAccount(wallet.address, AccountChange(balance=BALANCE)) for wallet in wallets()]
    many = [GenesisAccount(account(number), AccountChange(balance=1)) for number in range(ACCOUNTS)]
    balances = {wallet.address.rjust(32, b"\0"): (10**20).to_bytes(32, "big") for wallet in wallets()}
    token = GenesisAccount(TOKEN, AccountChange(nonce=1, code=TOKEN_CODE, storage=balances))
    genesis = replace(spec.genesis, gas_limit=100_000_000)
    return replace(spec, alloc=(*spec.alloc, *rich, *many, token), genesis=genesis)


def signed(spec: ChainSpec, sender: int, nonce: int, fields: tuple[int, bytes, int, bytes]) -> bytes:
    """An EIP-1559 transaction of (gas, recipient, value, data)."""
    gas, to, value, data = fields
    number = rlp.int_to_bytes
    head = [number(spec.chain_id), number(nonce), number(1), number(FEE), number(gas)]
    payload: list[rlp.Item] = [*head, to, number(value), data, []]
    signature = ecdsa.sign(wallets()[sender].secret, keccak256(b"\x02" + rlp.encode(payload)))
    r, s = signature[:32].lstrip(b"\0"), signature[32:64].lstrip(b"\0")
    return b"\x02" + rlp.encode([*payload, number(signature[64]), r, s])


def transfer(spec: ChainSpec) -> Maker:
    """Coins."""
    return lambda sender, nonce, to: signed(spec, sender, nonce, (21_000, account(to), 1, b""))


def token_transfer(spec: ChainSpec) -> Maker:
    """Tokens."""

    def made(sender: int, nonce: int, to: int) -> bytes:
        data = bytes.fromhex("a9059cbb") + account(to).rjust(32, b"\0") + (1).to_bytes(32, "big")
        return signed(spec, sender, nonce, (TOKEN_GAS, TOKEN, 0, data))

    return made


def recovered(encoded: list[bytes]) -> list[SignedTransaction]:
    """As a pool holds them."""
    decoded = [one for one in decode(encoded) if not isinstance(one, str)]
    return [one for one in recover(decoded) if not isinstance(one, str)]


def grown(spec: ChainSpec, puzzle: Puzzle, maker: Maker) -> list[Block]:
    """Full blocks, on a chain in memory."""
    chain = Chain.open(spec, for_network(native_store.Store.in_memory(), spec.chain_id), puzzle)
    draw = Random(1)
    blocks = []
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        with MiningIdentity.open(folder / "keys", spec.chain_id, folder / "records") as identity:
            generator = ChainGenerator(chain, puzzle, [identity], 1)
            for nonce in range(BLOCKS):
                encoded = [maker(sender, nonce, draw.randrange(ACCOUNTS)) for sender in range(TRANSFERS)]
                block = generator.block(chain.head, (), recovered(encoded))
                generator.accept(block)
                blocks.append(block)
    return blocks


def imported(spec: ChainSpec, puzzle: Puzzle, blocks: list[Block]) -> list[float]:
    """Seconds of each block on a fresh store file."""
    with tempfile.TemporaryDirectory() as directory:
        store = for_network(native_store.Store.open(Path(directory) / "store.redb"), spec.chain_id)
        chain = Chain.open(spec, store, puzzle)
        took = []
        for block in blocks:
            started = time.perf_counter()
            chain.accept(block, block.header.timestamp)
            took.append(time.perf_counter() - started)
        assert chain.head.hash == blocks[-1].header.hash
        store.close()
    return took


def built(spec: ChainSpec, puzzle: Puzzle, candidates: list[SignedTransaction]) -> float:
    """Seconds of a template with these candidates."""
    chain = Chain.open(spec, for_network(native_store.Store.in_memory(), spec.chain_id), puzzle)
    head: Head = chain.head
    below = Below(chain.tree.state(head.header.state_root), chain.ommers.ancestry(head.hash))
    draft = make_draft(chain.rules, head, below, Payee(bytes(20), bytes(20)), head.header.timestamp + 1)
    started = time.perf_counter()
    draft.build(candidates)
    return time.perf_counter() - started


def section() -> str:
    """The section of docs/benchmarks.md."""
    spec = spec_with_accounts()
    puzzle = Puzzle(puzzle_rules(spec.puzzle))
    rows = []
    for name, maker in (("transfers", transfer(spec)), ("ERC-20 transfers", token_transfer(spec))):
        blocks = grown(spec, puzzle, maker)
        counts = {len(block.transactions) for block in blocks}
        took = imported(spec, puzzle, blocks)
        rate = sum(len(block.transactions) for block in blocks) / sum(took)
        gas = statistics.median(block.header.gas_used for block in blocks)
        median = statistics.median(took) * 1e3
        verdict = report.verdict(rate >= GOAL)
        rows.append((name, f"{min(counts):,}", f"{gas / 1e6:.0f} M", f"{median:.0f}", f"{rate:,.0f}", verdict))
    draw = Random(2)
    maker = transfer(spec)
    many = [maker(sender, nonce, draw.randrange(ACCOUNTS)) for nonce in range(8) for sender in range(SENDERS)]
    candidates = recovered(many[:10_000])
    template = statistics.median(built(spec, puzzle, candidates) for _ in range(3))
    head = ("blocks of", "a block", "gas", "import, ms (median)", "transactions/s, all of it", f"goal {GOAL:,}")
    lines = [
        "## Blocks with transactions",
        "",
        f"{BLOCKS} blocks over {ACCOUNTS:,} accounts on a store file, accepted one by one; wall-clock time on however "
        "many cores are free.",
        "",
        report.table(head, rows),
        "",
        f"* a template with 10,000 pending: {template * 1e3:.0f} ms (goal 300: {report.verdict(template <= 0.3)}); "
        "blocks are accepted meanwhile",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(section())
