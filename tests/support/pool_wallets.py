"""Signed transactions, made quickly, and a head whose accounts are a dictionary."""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import TypedDict, Unpack

from quip.chain.mempool.limits import PoolLimits
from quip.chain.mempool.pool import Pool
from quip.chain.mempool.ports import AccountCode, SenderState
from quip.primitives import ecdsa, rlp
from quip.primitives.hashes import keccak256
from support.chains import network_spec

GWEI, ETHER = 10**9, 10**18
CHAIN_ID = network_spec().chain_id
RECIPIENT = b"\x35" * 20
TRANSFER_GAS = 21_000


class Fields(TypedDict, total=False):
    """What can be said of a transaction otherwise than `Wallet.sign` says it."""

    kind: int
    fee: int
    tip: int
    gas: int
    value: int
    to: bytes
    data: bytes
    chain_id: int | None
    slots: list[bytes]
    authorizations: list[rlp.Item]


@dataclass(frozen=True)
class Wallet:
    """A key and its address."""

    secret: bytes

    @property
    def address(self) -> bytes:
        return address_of(self.secret)

    def sign(self, nonce: int, **fields: Unpack[Fields]) -> bytes:
        """A transaction, EIP-2718: a transfer of nothing at 10 gwei, a tip of one in it, unless said otherwise."""
        kind = fields.get("kind", 2)
        number = rlp.int_to_bytes
        fee, tip = fields.get("fee", 10 * GWEI), fields.get("tip", GWEI)
        chain_id = fields.get("chain_id", CHAIN_ID)
        prices = [number(tip), number(fee)] if kind in (2, 4) else [number(fee)]
        payload: list[rlp.Item] = [number(nonce), *prices, number(fields.get("gas", TRANSFER_GAS))]
        payload += [fields.get("to", RECIPIENT), number(fields.get("value", 0)), fields.get("data", b"")]
        if kind == 0:
            tail: list[rlp.Item] = [] if chain_id is None else [number(chain_id), b"", b""]
            r, s, v = self._signature(rlp.encode(payload + tail))
            return rlp.encode([*payload, number(v + (27 if chain_id is None else 35 + 2 * chain_id)), r, s])
        slots = fields.get("slots", [])
        accesses: list[rlp.Item] = [[RECIPIENT, slots]] if slots else []
        payload = [number(chain_id or 0), *payload, accesses]
        if kind == 4:
            payload.append(fields.get("authorizations", []))
        r, s, v = self._signature(bytes([kind]) + rlp.encode(payload))
        return bytes([kind]) + rlp.encode([*payload, number(v), r, s])

    def authorize(self, target: bytes, nonce: int) -> rlp.Item:
        """An authorization tuple of EIP-7702."""
        fields: list[rlp.Item] = [rlp.int_to_bytes(CHAIN_ID), target, rlp.int_to_bytes(nonce)]
        r, s, v = self._signature(b"\x05" + rlp.encode(fields))
        return [*fields, rlp.int_to_bytes(v), r, s]

    def _signature(self, signed: bytes) -> tuple[bytes, bytes, int]:
        signature = ecdsa.sign(self.secret, keccak256(signed))
        return signature[:32].lstrip(b"\0"), signature[32:64].lstrip(b"\0"), signature[64]


@cache
def address_of(secret: bytes) -> bytes:
    return ecdsa.address(ecdsa.public_key(secret))


def wallet(name: int | str) -> Wallet:
    """The same every time."""
    return Wallet(sha256(f"wallet {name}".encode()).digest())


@dataclass
class Accounts:
    """A HeadState: whoever is not named has `wealth`."""

    wealth: int = 1_000 * ETHER
    base_fee: int = GWEI
    gas_limit: int = 30_000_000
    states: dict[bytes, SenderState] = field(default_factory=dict)
    asked: int = 0

    def sender(self, address: bytes) -> SenderState:
        self.asked += 1
        return self.states.get(address, SenderState(0, self.wealth))

    def set(
        self, who: Wallet, nonce: int = 0, balance: int = 1_000 * ETHER, code: AccountCode = AccountCode.NONE
    ) -> None:
        self.states[who.address] = SenderState(nonce, balance, code)


def new_pool(state: Accounts | None = None, **limits: int) -> Pool:
    """A pool of the test network."""
    return Pool(network_spec(), state or Accounts(), PoolLimits(**limits))
