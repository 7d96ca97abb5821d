"""Makes tests/vectors/evm/*.json: random transactions of osaka, and what Ethereum's executable specification says.

    python -m venv eels && eels/bin/pip install ethereum-execution==2.20
    eels/bin/python tests/reference/make_evm_vectors.py tests/vectors/evm

It needs an environment of its own (the specification holds `cryptography` below 46). The files have the form of
Ethereum's state tests, so crates/evm/tests/state_tests.rs runs them with the published ones. A file is one state and
many transactions, each on that state; everything follows from the file's number.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coincurve import PrivateKey
from ethereum.crypto.hash import keccak256
from ethereum.exceptions import EthereumException
from ethereum.forks.osaka import vm
from ethereum.forks.osaka.fork import process_transaction
from ethereum.forks.osaka.fork_types import Account, Address, Authorization
from ethereum.forks.osaka.state import State, set_account, set_storage, state_root
from ethereum.forks.osaka.transactions import (
    Access,
    AccessListTransaction,
    FeeMarketTransaction,
    LegacyTransaction,
    SetCodeTransaction,
    decode_transaction,
    encode_transaction,
    signing_hash_155,
    signing_hash_1559,
    signing_hash_2930,
    signing_hash_7702,
)
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes, Bytes0, Bytes32
from ethereum_types.numeric import U8, U64, U256, Uint

FILES = 20
TRANSACTIONS = 100
CHAIN_ID = 1
BASE_FEE = 7
GAS_LIMIT = 30_000_000
COINBASE = Address(b"\xba" * 20)
RANDOMNESS = b"\x21" * 32
NUMBER, TIMESTAMP = 300, 1_700_000_000
SENDERS = [(number + 1).to_bytes(32, "big") for number in range(4)]
CONTRACTS = [Address(b"\xc0" + bytes(18) + bytes([number])) for number in range(12)]
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

# fmt: off
PLAIN = [
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
    0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x3D, 0x41, 0x42, 0x43, 0x44,
    0x45, 0x46, 0x47, 0x48, 0x4A, 0x50, 0x58, 0x59, 0x5A, 0x80, 0x81, 0x82, 0x90, 0x91, 0x92,
]
"""Opcodes that only use the stack and what the environment says."""
# fmt: on


def address_of(secret: bytes) -> Address:
    point = PrivateKey(secret).public_key.format(compressed=False)[1:]
    return Address(keccak256(point)[12:])


def sign(secret: bytes, digest: bytes) -> tuple[U256, U256, int]:
    signature = PrivateKey(secret).sign_recoverable(digest, hasher=None)
    return U256.from_be_bytes(signature[:32]), U256.from_be_bytes(signature[32:64]), signature[64]


def push(number: int) -> bytes:
    """PUSH0 to PUSH32 of a number."""
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([0x5F + len(data)]) + data


@dataclass
class Writer:
    """Writes random code that mostly runs: every operation finds its operands, some on purpose do not."""

    rng: random.Random
    code: bytearray = field(default_factory=bytearray)

    def word(self) -> int:
        kinds: list[Callable[[], int]] = [
            lambda: self.rng.randrange(4),
            lambda: self.rng.randrange(300),
            lambda: self.rng.getrandbits(256),
            lambda: (1 << 256) - 1 - self.rng.randrange(3),
            lambda: 1 << self.rng.randrange(256),
        ]
        return self.rng.choice(kinds)()

    def target(self) -> int:
        """Contracts mostly; senders, precompiled contracts, nobody."""
        roll = self.rng.random()
        if roll < 0.65:
            return int.from_bytes(self.rng.choice(CONTRACTS), "big")
        if roll < 0.75:
            return int.from_bytes(address_of(self.rng.choice(SENDERS)), "big")
        return self.rng.choice([1, 2, 3, 4, 5, 6, 7, 9, 0x100, self.rng.getrandbits(160)])

    def put(self, opcode: int, *operands: int) -> None:
        """An operation; its first operand is on top."""
        for operand in reversed(operands):
            self.code += push(operand)
        self.code.append(opcode)

    def memory(self) -> tuple[int, int]:
        """Offset and length: small mostly, dear sometimes."""
        return self.rng.randrange(100), self.rng.choice([0, 1, 31, 32, 33, 64, 100, self.rng.randrange(20_000)])

    def call(self) -> None:
        gas = self.rng.choice([0, 100, 2_300, 30_000, 1 << 40])
        value = self.rng.choice([0, 0, 1, 1_000])
        sizes = [*self.memory(), *self.memory()]
        opcode = self.rng.choice([0xF1, 0xF1, 0xF2, 0xF4, 0xFA])
        money = [value] if opcode in (0xF1, 0xF2) else []
        self.put(opcode, gas, self.target(), *money, *sizes)

    def create(self) -> None:
        """Code in one word of memory: what it returns is nothing, a little, or what EIP-3541 forbids."""
        inits = ["5f5ff3", "60015f5360015ff3", "60ef5f5360015ff3", "5f5ffd", "fe", "60015f5533ff", "5f545000"]
        data = bytes.fromhex(self.rng.choice(inits))
        self.put(0x52, 0, int.from_bytes(data.ljust(32, b"\0"), "big"))
        salt = [self.rng.randrange(3)] if self.rng.random() < 0.5 else []
        self.put(0xF5 if salt else 0xF0, self.rng.choice([0, 0, 5]), 0, len(data), *salt)

    def step(self) -> None:
        """One more operation."""
        rng = self.rng
        slot, (offset, length) = rng.randrange(4), self.memory()
        steps: list[Callable[[], None]] = [
            lambda: self.put(rng.choice(PLAIN), self.word(), self.word(), self.word()),
            lambda: self.put(0x55, slot, rng.choice([0, 1, 2, self.word()])),
            lambda: self.put(0x54, slot),
            lambda: self.put(rng.choice([0x5C, 0x51]), rng.randrange(64)),
            lambda: self.put(rng.choice([0x5D, 0x52, 0x53]), rng.randrange(64), self.word()),
            lambda: self.put(rng.choice([0x20, 0xA0]), offset, length),
            lambda: self.put(0xA0 + (topics := rng.randrange(1, 5)), offset, length, *[self.word()] * topics),
            lambda: self.put(rng.choice([0x31, 0x3B, 0x3F]), self.target()),
            lambda: self.put(0x3C, self.target(), offset, rng.randrange(40), length),
            lambda: self.put(rng.choice([0x37, 0x39, 0x5E]), offset, rng.randrange(40), length),
            lambda: self.put(0x3E, offset, 0, rng.choice([0, 1, 32])),
            lambda: self.put(0x40, NUMBER - rng.choice([0, 1, 2, 256, 257])),
            lambda: self.put(0x35, self.word()),
            self.call,
            self.call,
            self.create,
        ]
        rng.choice(steps)()

    def loop(self) -> None:
        """Counts down from a few, with a write in every turn."""
        self.code += push(self.rng.randrange(1, 12))
        start = len(self.code)
        self.code += b"\x5b\x80\x80\x55\x60\x01\x90\x03\x80"  # JUMPDEST DUP1 DUP1 SSTORE PUSH1 1 SWAP1 SUB DUP1
        self.code += b"\x61" + start.to_bytes(2, "big") + b"\x57"

    def end(self) -> None:
        offset, length = self.memory()
        ends: list[Callable[[], None]] = [
            lambda: self.put(0x00),
            lambda: self.put(0xF3, offset, length),
            lambda: self.put(0xFD, offset, length),
            lambda: self.put(0xFF, self.target()),
            lambda: self.put(0xFE),
            lambda: self.put(0x56, self.rng.randrange(50)),
            lambda: None,
        ]
        self.rng.choices(ends, weights=[3, 3, 2, 2, 1, 1, 3])[0]()

    def contract(self) -> bytes:
        for _ in range(self.rng.randrange(2, 14)):
            self.step()
        if self.rng.random() < 0.2:
            self.loop()
        self.end()
        if self.rng.random() < 0.1:
            self.code += bytes(self.rng.getrandbits(8) for _ in range(20))
        return bytes(self.code)


@dataclass(frozen=True)
class Entry:
    nonce: int
    balance: int
    code: bytes = b""
    storage: tuple[tuple[int, int], ...] = ()


def state_before(rng: random.Random) -> dict[Address, Entry]:
    accounts = {}
    for contract in CONTRACTS:
        code = Writer(rng).contract()
        slots = tuple((slot, rng.choice([1, 2, 1 << 200])) for slot in range(4) if rng.random() < 0.5)
        accounts[contract] = Entry(1, rng.choice([0, 10**6]), code, slots)
    for secret in SENDERS:
        accounts[address_of(secret)] = Entry(rng.choice([0, 3]), 10**18)
    delegated = address_of(SENDERS[3])
    accounts[delegated] = Entry(1, 10**18, b"\xef\x01\x00" + rng.choice(CONTRACTS))
    return accounts


def as_state(accounts: dict[Address, Entry]) -> State:
    state = State()
    for address, entry in accounts.items():
        set_account(state, address, Account(Uint(entry.nonce), U256(entry.balance), Bytes(entry.code)))
        for slot, value in entry.storage:
            set_storage(state, address, Bytes32(slot.to_bytes(32, "big")), U256(value))
    return state


def environment(state: State) -> vm.BlockEnvironment:
    hashes = [keccak256(str(number).encode()) for number in range(NUMBER - 256, NUMBER)]
    return vm.BlockEnvironment(
        chain_id=U64(CHAIN_ID),
        state=state,
        block_gas_limit=Uint(GAS_LIMIT),
        block_hashes=hashes,
        coinbase=COINBASE,
        number=Uint(NUMBER),
        base_fee_per_gas=Uint(BASE_FEE),
        time=U256(TIMESTAMP),
        prev_randao=Bytes32(RANDOMNESS),
        excess_blob_gas=U64(0),
        parent_beacon_block_root=keccak256(b""),
    )


def data_of(rng: random.Random) -> bytes:
    """Calldata: short mostly; long enough for EIP-7623's floor sometimes."""
    length = rng.choice([0, 0, 0, 4, 32, 100, 600])
    return bytes(rng.choice([0, rng.getrandbits(8)]) for _ in range(length))


def authorization(rng: random.Random, accounts: dict[Address, Entry]) -> Authorization:
    """Mostly lawful; or of another chain, another nonce, a broken signature."""
    secret = rng.choice(SENDERS)
    nonce = accounts[address_of(secret)].nonce + rng.choice([0, 0, 0, 1, 2])
    chain = rng.choice([0, CHAIN_ID, CHAIN_ID, CHAIN_ID, 2])
    target = rng.choice([*CONTRACTS, Address(bytes(20)), Address(bytes(19) + b"\x04")])
    digest = keccak256(b"\x05" + rlp.encode((U256(chain), target, U64(nonce))))
    r, s, parity = sign(secret, digest)
    if rng.random() < 0.1:
        s, parity = U256(ORDER - int(s)), 1 - parity
    if rng.random() < 0.05:
        parity = 2
    return Authorization(U256(chain), target, U64(nonce), U8(parity), r, s)


def accesses(rng: random.Random) -> tuple[Access, ...]:
    def slots() -> tuple[Bytes32, ...]:
        return tuple(Bytes32(bytes(31) + bytes([rng.randrange(5)])) for _ in range(rng.randrange(3)))

    return tuple(Access(rng.choice(CONTRACTS), slots()) for _ in range(rng.randrange(3)))


def transaction(rng: random.Random, accounts: dict[Address, Entry]) -> bytes:
    """A signed transaction, lawful mostly."""
    secret = rng.choice(SENDERS)
    kind = rng.choice([0, 1, 2, 2, 4])
    nonce = accounts[address_of(secret)].nonce + rng.choices([0, 1, -1], weights=[40, 1, 1])[0]
    creates = kind != 4 and rng.random() < 0.15
    people = [address_of(rng.choice(SENDERS)), Address(b"\x77" * 20)]
    to: Any = Bytes0() if creates else rng.choice([*CONTRACTS, *CONTRACTS, *people])
    limits = [21_000, 25_000, 40_000, 60_000, 90_000, 150_000, 400_000, 3_000_000, 1 << 24, (1 << 24) + 1]
    gas = rng.choices(limits, weights=[1, 1, 3, 4, 6, 8, 8, 8, 2, 1])[0]
    fields: dict[str, Any] = {
        "nonce": U256(max(nonce, 0)), "gas": Uint(gas), "to": to,
        "value": U256(rng.choices([0, 1, 10**6, 10**18], weights=[20, 10, 10, 1])[0]),
        "data": Bytes(Writer(rng).contract() if creates else data_of(rng)),
        "r": U256(0), "s": U256(0),
    }  # fmt: skip
    fee = rng.choices([BASE_FEE - 1, BASE_FEE, BASE_FEE + 3, 100], weights=[1, 10, 20, 20])[0]
    tip = rng.choices([0, 1, 2, 200], weights=[10, 20, 20, 1])[0]
    authorizations = tuple(authorization(rng, accounts) for _ in range(rng.randrange(1, 4)))
    return seal(secret, kind, fields, (fee, tip), (accesses(rng), authorizations))


def seal(secret: bytes, kind: int, fields: dict[str, Any], fees: tuple[int, int], lists: tuple[Any, Any]) -> bytes:
    """The transaction's bytes."""
    fee, tip = (Uint(wei) for wei in fees)
    access_list, authorizations = lists
    unsigned: Any
    if kind == 0:
        unsigned = LegacyTransaction(gas_price=fee, v=U256(0), **fields)
        r, s, parity = sign(secret, signing_hash_155(unsigned, U64(CHAIN_ID)))
        signed: Any = LegacyTransaction(gas_price=fee, v=U256(2 * CHAIN_ID + 35 + parity), **{**fields, "r": r, "s": s})
        return bytes(rlp.encode(signed))
    typed: dict[str, Any] = {**fields, "chain_id": U64(CHAIN_ID), "access_list": access_list, "y_parity": U256(0)}
    hashes: dict[int, Any] = {1: signing_hash_2930, 2: signing_hash_1559, 4: signing_hash_7702}
    made: dict[int, Any] = {1: AccessListTransaction, 2: FeeMarketTransaction, 4: SetCodeTransaction}
    if kind == 1:
        typed["gas_price"] = fee
    else:
        typed |= {"max_fee_per_gas": fee, "max_priority_fee_per_gas": tip}
    if kind == 4:
        typed |= {"authorizations": authorizations, "nonce": U64(int(fields["nonce"]))}
    r, s, parity = sign(secret, hashes[kind](made[kind](**typed)))
    return bytes(encode_transaction(made[kind](**{**typed, "r": r, "s": s, "y_parity": U256(parity)})))


def outcome(accounts: dict[Address, Entry], encoded: bytes) -> dict[str, Any]:
    """What the specification makes of a transaction on that state, as a state test says it."""
    state, output = as_state(accounts), vm.BlockOutput()
    decoded = rlp.decode_to(LegacyTransaction, encoded) if encoded[0] >= 0xC0 else decode_transaction(Bytes(encoded))
    post: dict[str, Any] = {"txbytes": f"0x{encoded.hex()}"}
    try:
        process_transaction(environment(state), output, decoded, Uint(0))
    except EthereumException as error:
        state = as_state(accounts)
        post["expectException"] = type(error).__name__
    logs = tuple((log.address, log.topics, log.data) for log in output.block_logs)
    post["hash"] = f"0x{state_root(state).hex()}"
    post["logs"] = f"0x{keccak256(rlp.encode(logs)).hex()}"
    return post


def document(number: int) -> dict[str, Any]:
    """One file."""
    rng = random.Random(number)
    accounts = state_before(rng)
    posts = [outcome(accounts, transaction(rng, accounts)) for _ in range(TRANSACTIONS)]
    env = {
        "currentBaseFee": hex(BASE_FEE), "currentCoinbase": f"0x{COINBASE.hex()}", "currentGasLimit": hex(GAS_LIMIT),
        "currentNumber": hex(NUMBER), "currentRandom": f"0x{RANDOMNESS.hex()}", "currentTimestamp": hex(TIMESTAMP),
    }  # fmt: skip
    pre = {
        f"0x{address.hex()}": {
            "nonce": hex(entry.nonce), "balance": hex(entry.balance), "code": f"0x{entry.code.hex()}",
            "storage": {hex(slot): hex(value) for slot, value in entry.storage},
        }
        for address, entry in accounts.items()
    }  # fmt: skip
    return {f"random_{number}": {"env": env, "pre": pre, "post": {"Osaka": posts}}}


def main(folder: Path) -> None:
    """Writes every file: some minutes, most of them in loops."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        made = document(number)
        text = json.dumps(made, separators=(",", ":"))
        (folder / f"random_{number:02}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
