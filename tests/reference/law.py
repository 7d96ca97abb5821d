"""The integer rules of docs/protocol.md in plain Python, without a line of `quip`: what golden vectors are made with.

Slow and short on purpose. Headers are dictionaries of the JSON vectors' own names.
"""

from decimal import Decimal, localcontext
from itertools import pairwise
from math import isqrt
from typing import Any

MASK = (1 << 64) - 1
ROTATIONS = (1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)


def keccak256(data: bytes) -> bytes:
    """Keccak-256 with the original padding (FIPS 202's permutation)."""
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % 136)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), 136):
        for lane in range(17):
            state[lane] ^= int.from_bytes(padded[start + 8 * lane : start + 8 * lane + 8], "little")
        state = _permute(state)
    return b"".join(word.to_bytes(8, "little") for word in state[:4])


def _permute(a: list[int]) -> list[int]:
    lfsr = 1
    for _ in range(24):
        parity = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        a = [a[i] ^ parity[(i + 4) % 5] ^ _rotate(parity[(i + 1) % 5], 1) for i in range(25)]
        x, y, turned, offset = 1, 0, [0] * 25, 0
        turned[0] = a[0]
        for step in range(24):
            offset = (step + 1) * (step + 2) // 2
            turned[y + 5 * ((2 * x + 3 * y) % 5)] = _rotate(a[x + 5 * y], offset % 64)
            x, y = y, (2 * x + 3 * y) % 5
        a = [turned[i] ^ (~turned[i - i % 5 + (i + 1) % 5] & turned[i - i % 5 + (i + 2) % 5]) for i in range(25)]
        for bit in range(7):
            lfsr, out = (lfsr << 1) ^ (0x171 if lfsr & 0x80 else 0), lfsr & 1
            if out:
                a[0] ^= 1 << ((1 << bit) - 1)
    return a


def _rotate(word: int, count: int) -> int:
    return (word << count | word >> (64 - count)) & MASK if count else word


def rlp(item: bytes | list) -> bytes:  # type: ignore[type-arg]
    """Recursive length prefix of bytes or lists."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    body = b"".join(rlp(element) for element in item)
    return _prefix(0xC0, len(body)) + body


def _prefix(offset: int, length: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(digits)]) + digits


def number(value: int) -> bytes:
    """An RLP integer: big-endian without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


HEADER_FIELDS = (
    "parentHash", "ommersHash", "beneficiary", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce", "baseFeePerGas",
)  # fmt: skip


def header_items(header: dict[str, int | str]) -> list[bytes]:
    """RLP items of a header: integers as numbers, 0x strings as bytes."""
    values = [header[name] for name in HEADER_FIELDS]
    return [number(value) if isinstance(value, int) else bytes.fromhex(value[2:]) for value in values]


def block_hash(header: dict[str, int | str]) -> bytes:
    return keccak256(rlp(header_items(header)))


def sealing_hash(header: dict[str, int | str]) -> bytes:
    return keccak256(rlp([item for i, item in enumerate(header_items(header)) if i not in (13, 14)]))


def work(level: int) -> int:
    """floor(2^(level / 65536)) with 150 decimal digits, refusing what rounding could decide."""
    if level % 65_536 == 0:
        return 1 << level // 65_536
    with localcontext() as context:
        context.prec = 150
        value = Decimal(2) ** (Decimal(level) / 65_536)
        whole = int(value)
        assert Decimal("1e-40") < value - whole < 1 - Decimal("1e-40"), level
    return whole


def work_by_roots(level: int) -> int:
    """The same as the 65536th root of 2^level, by sixteen integer square roots (floors nest). Slow."""
    value = 1 << level
    for _ in range(16):
        value = isqrt(value)
    return value


def margin(ladder: list[list[int]], level: int) -> int:
    for (l0, m0), (l1, m1) in pairwise(ladder):
        if l0 <= level <= l1:
            return m0 + (m1 - m0) * (level - l0) // (l1 - l0)
    raise ValueError(level)


def clamp(d: dict[str, Any], level: int) -> int:
    return min(int(d["hi"]), max(int(d["lo"]), level))


def controllers(d: dict[str, Any], timestamps: list[int], ommers: list[int]) -> list[int]:
    """c(0), c(1), ..., c(len): timestamps and numbers of ommers are those of blocks 0, 1, ..."""
    t, lag = d["target_block_time"], d["lag"]
    levels = [d["start"]] * (lag + 3)
    for n in range(lag + 2, len(timestamps)):
        dt = min(timestamps[n - lag] - timestamps[n - lag - 1], d["outage_cap"] * t)
        levels.append(clamp(d, levels[n] + ((t * (1 + ommers[n - lag]) - dt) << 16) // d["half_life"]))
    return levels[: len(timestamps) + 1]


def overdue(d: dict[str, Any], height: int, seconds: int) -> int:
    t, rule = d["target_block_time"], d["overdue"]
    late: int = seconds - rule["after"] * t
    if height < 2 or late <= 0:
        return 0
    return min(int(rule["limit"]), late * int(rule["rate"]) // int(t))


def streaks(miners: list[str]) -> list[tuple[int, int]]:
    """(streak, streak that ended just before it) of blocks 1, 2, ... with these miners."""
    runs: list[tuple[str, int]] = []
    out = []
    for miner in miners:
        if runs and runs[-1][0] == miner:
            runs[-1] = (miner, runs[-1][1] + 1)
        else:
            runs.append((miner, 1))
        out.append((runs[-1][1], runs[-2][1] if len(runs) > 1 else 0))
    return out


def offset(d: dict[str, Any], s: int, k: int) -> int:
    rate, limit = int(d["streak"]["rate"]), int(d["streak"]["limit"])
    if s >= 2:
        return -rate * min(s - 1, limit)
    if s == 1 and k >= 2:
        return rate * min(k - 1, limit)
    return 0


def offsets(d: dict[str, Any], pairs: list[tuple[int, int]]) -> list[int]:
    """Of blocks 0, 1, ..., len: pairs are (streak, ended streak) of blocks 0, 1, ..."""
    late = d["lag"] + 1
    return [offset(d, *pairs[n - late]) if n > late else 0 for n in range(len(pairs) + 1)]


def full_reward(r: dict[str, Any], difficulty: int, controller: int) -> int:
    return int(r["base_reward"]) * difficulty // work(controller)


def contested(o: dict[str, Any], shown: list[list[tuple[int, int, str]]], m: int) -> bool:
    """Whether height m is: shown are (number, difficulty, miner) of the ommers of blocks 0, 1, ..."""
    return any(number == m for block in shown[m + 1 : m + o["window"] + 1] for number, _, _ in block)


def counted(r: dict[str, Any], o: dict[str, Any], miners: str, shown: list[list[tuple[int, int, str]]]) -> list[int]:
    """u(0), u(1), ...: miners are those of blocks 0, 1, ..."""
    values = [0]
    for m in range(1, len(miners)):
        if contested(o, shown, m):
            values.append(0)
        elif m >= 2 and miners[m] == miners[m - 1] and values[-1] < len(r["streak_multiplier"]):
            values.append(values[-1] + 1)
        else:
            values.append(1)
    return values


def payments(
    spec: dict[str, Any], blocks: list[tuple[str, int, int]], shown: list[list[tuple[int, int, str]]]
) -> list[list[tuple[str, str, int]]]:
    """(kind of address, miner, wei) that blocks 0, 1, ... pay: blocks are (miner, difficulty, controller)."""
    r, o = spec["rewards"], spec["ommers"]
    base, part, window = int(r["base_reward"]), o["holdback"], o["window"]
    full = [full_reward(r, difficulty, controller) for _, difficulty, controller in blocks]
    counts = counted(r, o, "".join(miner for miner, _, _ in blocks), shown)
    out: list[list[tuple[str, str, int]]] = [[]]
    paid: set[int] = set()
    for n in range(1, len(blocks)):
        miner, _, controller = blocks[n]
        row = [("beneficiary", miner, full[n] - full[n] // part)]
        for number, difficulty, loser in shown[n]:
            if number not in paid:
                price = base * difficulty // (part * work(controller))
                row.append(("beneficiary", loser, min(full[number] // part, price)))
            paid.add(number)
        m = n - window - 1
        if m >= 1 and not contested(o, shown, m):
            winner, difficulty, controller = blocks[m]
            row.append(("beneficiary", winner, full[m] // part))
            if counts[m] >= 2:
                percent = r["streak_multiplier"][counts[m] - 1]
                row.append(("miner id", winner, base * (percent - 100) * difficulty // (100 * work(controller))))
        out.append([one for one in row if one[2]])
    return out


def base_fee(limit: int, used: int, fee: int) -> int:
    """EIP-1559's base fee of a child."""
    target = limit // 2
    if used == target:
        return fee
    if used > target:
        return fee + max(fee * (used - target) // target // 8, 1)
    return fee - fee * (target - used) // target // 8
