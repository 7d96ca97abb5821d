"""Blocks spoilt in all sorts of ways, each with the rule that it has to break."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

from second_reading.encoding import (
    MAX_BODY,
    MAX_SEAL,
    Account,
    Block,
    Header,
    Invalid,
    Item,
    Ommer,
    Seal,
    block_of,
    need,
    number_bytes,
    rlp,
    state_root,
    trie_root,
)
from second_reading.hashes import derive_seed, keccak256
from second_reading.puzzle import instance, margin
from second_reading.rules import State, Tip, after, level_of, violations
from second_reading.signatures import XMSS_BYTES, N, xor
from second_reading.spec import Spec

Mutant = tuple[str, str, bytes]  # what was done, the rule that it breaks, the block


def flip(data: bytes, bit: int = 0) -> bytes:
    return xor(data, (1 << 8 * (len(data) - 1 - bit // 8) + bit % 8).to_bytes(len(data), "big"))


def ground(spec: Spec, header: Header, passing: bool = True) -> Header:
    """The header with a nonce that passes the gate (or does not), and its seed."""
    digest = header.sealing_hash()
    for number in count():
        nonce = number.to_bytes(8, "big")
        seed = derive_seed(digest, nonce)
        if (int.from_bytes(seed, "big") >> (256 - spec.puzzle["gate_bits"]) == 0) == passing:
            return header._replace(nonce=nonce, mix_hash=seed)
    raise AssertionError


def header_mutants(spec: Spec, state: State, block: Block) -> Iterator[tuple[str, Header]]:
    """A rule, and a header that breaks it; its seed and gate are mended afterwards."""
    header = block.header
    parent, extra = state.tip.header, header.extra_data
    yield "parent hash", header._replace(parent_hash=flip(header.parent_hash))
    yield "ommers hash", header._replace(ommers_hash=flip(header.ommers_hash))
    yield "ommers hash", header._replace(ommers_hash=bytes(32))
    yield "state root", header._replace(beneficiary=flip(header.beneficiary))
    yield "ECDSA signature", header._replace(beneficiary=flip(header.beneficiary, 159))
    yield "state root", header._replace(state_root=flip(header.state_root))
    yield "state root", header._replace(state_root=parent.state_root)
    accounts = after(spec, state, header, tuple(ommer.header for ommer in block.ommers)).accounts
    paid = accounts[header.beneficiary]
    for change in (-1, 1):
        wrong = state_root(accounts | {header.beneficiary: paid._replace(balance=paid.balance + change)})
        yield "state root", header._replace(state_root=wrong)
    yield "state root", header._replace(state_root=state_root(accounts | {bytes(20): Account(0, 1)}))
    yield "transactions root", header._replace(transactions_root=flip(header.transactions_root))
    yield "receipts root", header._replace(receipts_root=flip(header.receipts_root))
    yield "logs bloom", header._replace(logs_bloom=flip(header.logs_bloom))
    for change in (-1, 1):
        yield "difficulty", header._replace(difficulty=header.difficulty + change)
        yield "number", header._replace(number=header.number + change)
        yield "base fee", header._replace(base_fee=header.base_fee + change)
        yield "gas limit", header._replace(gas_limit=parent.gas_limit + change * (parent.gas_limit // 1024))
    yield "gas limit", header._replace(gas_limit=spec.gas_limit["minimum"] - 1)
    yield "gas limit", header._replace(gas_limit=spec.gas_limit["maximum"] + 1)
    yield "gas used", header._replace(gas_used=1)
    yield "gas used", header._replace(gas_used=header.gas_limit + 1)
    yield "timestamp", header._replace(timestamp=parent.timestamp)
    yield "timestamp", header._replace(timestamp=parent.timestamp - 1)
    yield "ECDSA signature", header._replace(timestamp=header.timestamp + 1)
    yield "XMSS signature", header._replace(timestamp=header.timestamp + 1)
    yield "future limit", header._replace(timestamp=int(time.time()) + spec.difficulty["future_limit"] + 1000)
    yield "miner id", header._replace(extra_data=flip(extra))
    yield "miner id", header._replace(extra_data=bytes(20) + extra[20:])
    yield "extra data", header._replace(extra_data=extra[:20])
    yield "ommer limit", header._replace(extra_data=extra[:20] + bytes([spec.ommers["limit"] + 1]))
    yield "decoding", header._replace(extra_data=extra[:20] + bytes(13))
    yield "ECDSA signature", header._replace(extra_data=extra[:20] + bytes([extra[20:] == b"\0"]))
    yield "decoding", header._replace(parent_hash=header.parent_hash[1:])
    yield "decoding", header._replace(beneficiary=header.beneficiary + b"\0")
    yield "decoding", header._replace(logs_bloom=bytes(255))
    yield "decoding", header._replace(difficulty=2**256)
    yield "decoding", header._replace(number=2**64)
    yield "decoding", header._replace(base_fee=2**256)


def seal_mutants(seal: Seal) -> Iterator[tuple[str, Seal]]:
    """A rule, and a seal that breaks it."""
    r, s, v = seal.ecdsa[:32], int.from_bytes(seal.ecdsa[32:64], "big"), seal.ecdsa[64]
    yield "suite", seal._replace(suite=1)
    yield "suite", seal._replace(suite=3)
    yield "miner id", seal._replace(suite=1)
    yield "ECDSA key", seal._replace(k=b"\x04" + seal.k[1:])
    yield "ECDSA key", seal._replace(k=seal.k + b"\0")
    yield "miner id", seal._replace(k=bytes([seal.k[0] ^ 1]) + seal.k[1:])
    yield "XMSS key", seal._replace(x=flip(seal.x, 24))
    yield "XMSS key", seal._replace(x=seal.x + b"\0")
    yield "miner id", seal._replace(x=flip(seal.x, 8 * 36))
    yield "XMSS signature", seal._replace(x=flip(seal.x, 8 * 67))
    for bit in (0, 255, 256, 256 + 255, 512, 512 + 1):
        yield "ECDSA signature", seal._replace(ecdsa=flip(seal.ecdsa, bit))
    yield "ECDSA signature", seal._replace(ecdsa=r + (N - s).to_bytes(32, "big") + bytes([v ^ 1]))
    yield "ECDSA signature", seal._replace(ecdsa=seal.ecdsa[:64] + bytes([v + 27]))
    yield "ECDSA signature", seal._replace(ecdsa=bytes(32) + seal.ecdsa[32:])
    yield "ECDSA signature", seal._replace(ecdsa=r + bytes(32) + bytes([v]))
    yield "ECDSA signature", seal._replace(ecdsa=seal.ecdsa[:64])
    layer = 32 * 77
    for byte in (2, 3, 34, 35, 35 + layer - 1, 35 + 32 * 67, 35 + layer, 35 + layer + 32 * 67, XMSS_BYTES - 1):
        yield "XMSS signature", seal._replace(xmss=flip(seal.xmss, 8 * byte))
    yield "ECDSA signature", seal._replace(xmss=flip(seal.xmss, 16))
    yield "XMSS leaf", seal._replace(xmss=flip(seal.xmss, 7))
    yield "XMSS size", seal._replace(xmss=seal.xmss + b"\0")
    yield "XMSS size", seal._replace(xmss=seal.xmss[:-1])


def proof_mutants(
    spec: Spec, tip: Tip, header: Header, solutions: tuple[bytes, ...]
) -> Iterator[tuple[str, list[bytes]]]:
    """A rule, and solutions that break it. A proof is not signed: only what breaks a rule for certain is a mutant."""
    n, first, rest = spec.graph.n, solutions[0], list(solutions[1:])
    if not spec.fields:
        yield "solution form", sorted([flip(first), *rest])
    if n % 8:
        yield "solution form", [*solutions[:-1], flip(solutions[-1], 8 * (n // 8) + n % 8)]
    yield "solution form", sorted([first + b"\0", *rest])
    yield "solution form", sorted([first[:-1], *rest])
    yield "solution order", list(reversed(solutions))
    yield "solution order", [*rest, first]
    yield "solution order", [*solutions[:-1], solutions[-2]]
    yield "distance", sorted([first, flip(first, 1), *rest[1:]])
    yield "solution count", rest
    yield "solution count", sorted([*solutions, flip(first, 1)])
    yield "solution count", []
    task, puzzle = instance(spec, header.mix_hash), spec.puzzle
    limit = min(task.baseline(), puzzle["baseline"]["cap"]) - margin(puzzle["ladder"], level_of(spec, tip, header))
    worse = (flip(first, bit) for bit in range(1, n))
    yield from (("energy", sorted([one, *rest])) for one in worse if 512 * task.energy(one) > limit)
    climber, height = first, task.energy(first)
    for bit in [*range(1, n)] * 3:
        if (energy := task.energy(flip(climber, bit))) > height:
            climber, height = flip(climber, bit), energy
    if 512 * height > limit:
        yield "energy", sorted([climber, *rest])


def rlp_list(body: bytes) -> bytes:
    """The list whose items are already written."""
    if len(body) == 1:
        return b"\xc1" + body
    whole = rlp(body)
    return bytes([whole[0] + 0x40]) + whole[1:]


def byte_mutants(block: Block, seal: Seal, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A rule, and bytes that break it."""
    head, body, shown, sealed = block.items()
    assert isinstance(head, list) and isinstance(body, list) and isinstance(sealed, list)
    yield "decoding", data + b"\0"
    yield "decoding", data[:-1]
    yield "decoding", b""
    yield "decoding", rlp([head, body, shown])
    yield "decoding", rlp([head, body, shown, sealed, b""])
    yield "decoding", rlp([head[:15], body, shown, sealed])
    yield "decoding", rlp([[*head, bytes(32)], body, shown, sealed])
    yield "decoding", rlp([[*head[:8], b"\0" + number_bytes(block.header.number), *head[9:]], body, shown, sealed])
    yield "decoding", rlp([[*head[:8], [], *head[9:]], body, shown, sealed])
    yield "decoding", rlp([head, b"", shown, sealed])
    yield "decoding", rlp([head, [b""], shown, sealed])
    yield "decoding", rlp([head, [b"\x80"], shown, sealed])
    yield "decoding", rlp([head, body, b"", sealed])
    yield "decoding", rlp([head, body, [b""], sealed])
    yield "decoding", rlp([head, body, [[head]], sealed])
    yield "decoding", rlp([head, body, [[head, sealed]] * 5, sealed])
    nested = b"\xc0"
    for _ in range(2000):
        nested = rlp_list(nested)
    yield "decoding", rlp_list(rlp(head) + rlp_list(nested) + rlp(shown) + rlp(sealed))
    yield "decoding", rlp([head, body, shown, sealed[:4]])
    yield "decoding", rlp([head, body, shown, [*sealed, b""]])
    yield "decoding", rlp([head, body, shown, [b"\0\2", *sealed[1:]]])
    yield "decoding", rlp([head, body, shown, [*sealed[:2], b"", *sealed[3:]]])
    yield "size", rlp([head, body, shown, [*sealed[:4], bytes(MAX_SEAL)]])
    if block.header.number == 1:
        yield "size", rlp([head, [b"\2" + bytes(MAX_BODY)], shown, sealed])
    yield "seal", rlp([head, body, shown, []])
    suite = data.rindex(rlp(sealed[1])) - 1  # the suite's byte in a longer form; the lengths around it are mended
    longer = b"".join(map(rlp, sealed)).replace(data[suite : suite + 1], b"\x81\x02", 1)
    yield "decoding", rlp_list(rlp(head) + rlp(body) + rlp(shown) + rlp_list(longer))
    transactions: list[Item] = [b"\x02\xc0", [b"\1"]]
    for transaction in transactions:
        yield "transactions root", rlp([head, [transaction], shown, sealed])


def ommer_mutants(spec: Spec, state: State, block: Block, seal: Seal) -> Iterator[tuple[str, Block]]:
    """A rule of ommers, and a block that breaks it; its own seal is its old one."""
    chain = [tip.header for tip in state.line.tips]

    def showing(ommers: list[Ommer], more: int = 0) -> Block:
        listed = keccak256(rlp([ommer.header.items() for ommer in ommers]))
        extra = block.header.extra_data
        named = extra[:20] + bytes([len(ommers) + more]) + extra[21:]
        header = block.header._replace(extra_data=named, ommers_hash=listed)
        return Block(ground(spec, header), block.transactions, seal, tuple(ommers))

    if not spec.ommers["limit"]:
        return
    sibling = ground(spec, chain[-1]._replace(beneficiary=bytes(20))) if len(chain) > 1 else None
    yield "ommer window", showing([Ommer(chain[0], seal)])
    yield "ommer window", showing([Ommer(block.header, seal)])
    yield "ommers hash", block._replace(ommers=(*block.ommers, Ommer(block.header, seal)))
    if sibling is None:
        return
    one = Ommer(sibling, seal)
    orphan = ground(spec, sibling._replace(parent_hash=bytes(32)))
    yield "ommer twice", showing([Ommer(chain[-1], seal)])
    yield "ommer twice", showing([one, one])
    yield "ommer parent", showing([Ommer(orphan, seal)])
    yield "ommer count", showing([one], 1)
    yield "ommer: gate", showing([Ommer(ground(spec, sibling, False), seal)])
    yield "ommer: gas used", showing([Ommer(ground(spec, sibling._replace(gas_used=2**40)), seal)])
    light = ground(spec, sibling._replace(difficulty=1))
    yield "ommer difficulty", showing([Ommer(light, seal)])
    late = ground(spec, sibling._replace(timestamp=block.header.timestamp + 1))
    yield "ommer: timestamp", showing([Ommer(late, seal)])
    yield "ommer: seal", showing([Ommer(sibling, None)])
    yield "ommer: ECDSA signature", showing([one])
    yield "ommer: XMSS signature", showing([one])
    for place, shown in enumerate(block.ommers):
        assert shown.seal is not None
        worse = shown._replace(seal=shown.seal._replace(xmss=flip(shown.seal.xmss, 8 * 40)))
        changed = (*block.ommers[:place], worse, *block.ommers[place + 1 :])
        yield "ommer: XMSS signature", block._replace(ommers=changed)


def mutants(spec: Spec, state: State | None, data: bytes, others: list[Block]) -> Iterator[Mutant]:
    """Everything that is done to one block; the state is its parent's, the others lend their seals."""
    block = block_of(data)
    header, seal = block.header, block.seal
    for name, value in header._asdict().items():
        change: dict[str, Any] = {name: flip(value or b"\1") if isinstance(value, bytes) else value + 1}
        plain = block._replace(header=header._replace(**change))
        yield f"{name} changed", "genesis" if state is None else "seed", rlp(plain.items())
    if state is None or seal is None:
        lent = [other for other in others if other.seal is not None][:1]
        yield from (("a seal", "genesis", rlp(block._replace(seal=other.seal).items())) for other in lent)
        yield "a transaction", "genesis", rlp(block._replace(transactions=[b"\x02\xc0"]).items())
        return
    yield "nonce fails the gate", "gate", rlp(block._replace(header=ground(spec, header, False)).items())
    for rule, spoilt in header_mutants(spec, state, block):
        yield "new header", rule, rlp(block._replace(header=ground(spec, spoilt)).items())
    one: list[Item] = [b"\x02\xc0"]
    carrying = ground(spec, header._replace(transactions_root=trie_root({b"\x80": b"\x02\xc0"})))
    yield "a transaction", "transactions", rlp(Block(carrying, one, seal, block.ommers).items())
    for rule, showing in ommer_mutants(spec, state, block, seal):
        yield "ommers", rule, rlp(showing.items())
    for rule, other_seal in seal_mutants(seal):
        yield "new seal", rule, rlp(block._replace(seal=other_seal).items())
    for rule, proof in proof_mutants(spec, state.tip, header, seal.solutions):
        yield "new proof", rule, rlp(block._replace(seal=seal._replace(solutions=tuple(proof))).items())
    for other in others:
        if other.seal is not None and other.header.number != header.number:
            for rule in ("ECDSA signature", "XMSS signature"):
                yield f"seal of block {other.header.number}", rule, rlp(block._replace(seal=other.seal).items())
            yield "another block", "parent hash", rlp(other.items())
    yield from (("new bytes", rule, spoilt) for rule, spoilt in byte_mutants(block, seal, data))


def check_mutants(spec: Spec, blocks: list[bytes], states: list[State]) -> Counter[str]:
    """How many mutants broke which rule, as they should; Invalid names the first that does not."""
    tally: Counter[str] = Counter()
    read = [block_of(data) for data in blocks]
    for number, data in enumerate(blocks):
        state, others = (states[number - 1] if number else None), read[max(number - 1, 0) : number + 2]
        for name, rule, spoilt in mutants(spec, state, data, others):
            what = f"block {number}: the mutant '{name}'"
            need(spoilt != data, f"{what} is the block itself")
            broken = []
            for found, _ in violations(spec, state, spoilt):
                broken.append(found)
                if found == rule:
                    break
            else:
                raise Invalid(f"{what} breaks {broken or 'no rule'}, not '{rule}'")
            tally[rule] += 1
    return tally
