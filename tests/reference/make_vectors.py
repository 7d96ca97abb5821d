"""Makes the integer rules' vectors with the plain-Python reference: `cd tests && python -m reference.make_vectors`.

The files are golden: they are made once and only change with the protocol. A test makes them again and compares.
"""

import json
import random
from pathlib import Path

from reference import law

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
LEVEL = 65_536
DIFFICULTY = {
    "start": 20 * LEVEL,
    "lo": 10 * LEVEL,
    "hi": 30 * LEVEL,
    "target_block_time": 30,
    "half_life": 1_200,
    "outage_cap": 20,
    "lag": 8,
    "overdue": {"after": 10, "rate": 1 << 14, "limit": 8 << 16},
    "streak": {"rate": 9_962, "limit": 5},
    "future_limit": 15,
}
LADDER = [[0, -50_000], [15 * LEVEL + 7, -1_001], [20 * LEVEL, 0], [26 * LEVEL, 3_333], [31 * LEVEL, 4_000]]
REWARDS = {"base_reward": "10000000000000000000", "streak_multiplier": [100, 102, 105, 115, 150, 250, 500]}
OMMERS = {"window": 9, "limit": 4, "holdback": 16, "fork_factor": 4, "chain_factor": 16}
EMPTY_OMMERS = "0x" + law.keccak256(law.rlp([])).hex()
EMPTY_TRIE = "0x" + law.keccak256(law.rlp(b"")).hex()


def header(rng: random.Random, height: int) -> dict[str, int | str]:
    """A header with fields of every size."""
    return {
        "parentHash": "0x" + rng.randbytes(32).hex(),
        "ommersHash": EMPTY_OMMERS,
        "beneficiary": "0x" + rng.randbytes(20).hex(),
        "stateRoot": "0x" + rng.randbytes(32).hex(),
        "transactionsRoot": EMPTY_TRIE,
        "receiptsRoot": EMPTY_TRIE,
        "logsBloom": "0x" + bytes(256).hex(),
        "difficulty": rng.randrange(1 << rng.choice([1, 30, 64, 200])),
        "number": height,
        "gasLimit": 30_000_000,
        "gasUsed": rng.choice([0, 21_000, 29_999_999]),
        "timestamp": 1_800_000_000 + height,
        "extraData": "0x" + rng.randbytes(20).hex() + "00" + rng.randbytes(rng.randrange(12)).hex(),
        "mixHash": "0x" + rng.randbytes(32).hex(),
        "nonce": "0x" + rng.randbytes(8).hex(),
        "baseFeePerGas": rng.choice([0, 7, 10**9, 10**30]),
    }


def header_vectors() -> list[dict[str, object]]:
    rng = random.Random(1)
    headers = [header(rng, height) for height in (1, 127, 128, 255, 256, 20_000, 2**40)]
    return [
        {
            "header": item,
            "rlp": "0x" + law.rlp(law.header_items(item)).hex(),
            "hash": "0x" + law.block_hash(item).hex(),
            "sealingHash": "0x" + law.sealing_hash(item).hex(),
        }
        for item in headers
    ]


def work_vectors() -> list[list[int]]:
    rng = random.Random(2)
    levels = [0, 1, LEVEL - 1, LEVEL, LEVEL + 1, 10 * LEVEL, 10 * LEVEL + LEVEL // 2, 16 * LEVEL + 1, 20 * LEVEL - 1]
    levels += [rng.randrange(1, 16 * LEVEL) for _ in range(24)] + [
        rng.randrange(16 * LEVEL, 40 * LEVEL) for _ in "12345"
    ]
    return [[level, law.work(level)] for level in sorted(levels)]


def ladder_vectors() -> dict[str, object]:
    rng = random.Random(3)
    levels = [point[0] for point in LADDER] + [1, 15 * LEVEL + 6, 15 * LEVEL + 8, 20 * LEVEL - 1, 31 * LEVEL - 1]
    levels += [rng.randrange(31 * LEVEL) for _ in range(20)]
    return {"ladder": LADDER, "points": [[level, law.margin(LADDER, level)] for level in sorted(levels)]}


def controller_vectors() -> dict[str, object]:
    rng = random.Random(4)
    times = [1_000_000]
    for mean in (30, 30, 3, 300, 1):
        for _ in range(40):
            times.append(times[-1] + max(1, int(rng.expovariate(1) * mean)))
    times += [times[-1] + 5, times[-1] + 5 + 599, times[-1] + 5 + 599 + 600, times[-1] + 5 + 599 + 600 + 100_000]
    ommers = [0] + [rng.choice([0, 0, 0, 0, 0, 0, 0, 1, 1, 4]) for _ in times[1:]]
    return {
        "difficulty": DIFFICULTY,
        "timestamps": times,
        "ommers": ommers,
        "controllers": law.controllers(DIFFICULTY, times, ommers),
    }


def overdue_vectors() -> dict[str, object]:
    cases = [
        (1, 10_000),
        (2, 1),
        (2, 300),
        (2, 301),
        (2, 330),
        (3, 360),
        (9, 1_000),
        (9, 1_259),
        (9, 1_260),
        (9, 10**9),
    ]
    return {"difficulty": DIFFICULTY, "cases": [[n, dt, law.overdue(DIFFICULTY, n, dt)] for n, dt in cases]}


def streak_vectors() -> dict[str, object]:
    miners = "AABBBACAAAAAAAAAABABBAACCCDDDDDDDA"
    pairs = [(0, 0), *law.streaks(list(miners))]
    return {
        "difficulty": DIFFICULTY,
        "miners": miners,
        "streaks": [list(pair) for pair in pairs],
        "ruleOfTheStreak": [law.offset(DIFFICULTY, s, k) for s, k in pairs],
        "offsets": law.offsets(DIFFICULTY, pairs),
    }


def reward_vectors() -> dict[str, object]:
    rng = random.Random(5)
    cases = [(20 * LEVEL, 20 * LEVEL)]
    for _ in range(12):
        controller = rng.randrange(10 * LEVEL, 30 * LEVEL)
        cases.append((max(10 * LEVEL, controller + rng.randrange(-8 * LEVEL, LEVEL)), controller))
    full = [[level, c, law.full_reward(REWARDS, law.work(level), c)] for level, c in cases]
    return {
        "rewards": REWARDS,
        "ommers": OMMERS,
        "cases": [[level, c, str(paid), str(paid // int(OMMERS["holdback"]))] for level, c, paid in full],
    }


def gas_vectors() -> list[list[int]]:
    cases = [(30_000_000, used, 10**9) for used in (0, 1, 14_999_999, 15_000_000, 15_000_001, 30_000_000)]
    cases += [(30_000_001, 30_000_001, 7), (5_000, 2_501, 1), (5_000, 0, 7), (5_000, 0, 8), (5_000, 5_000, 0)]
    return [[limit, used, fee, law.base_fee(limit, used, fee)] for limit, used, fee in cases]


def shown_ommers(rng: random.Random, miners: str) -> list[list[tuple[int, str]]]:
    """Per block from 0 on, (number, miner) of what it shows."""
    shown: list[list[tuple[int, str]]] = [[]]
    for n in range(1, len(miners)):
        lowest = max(1, n - int(OMMERS["window"]))
        count = rng.choice([0, 0, 0, 0, 0, 1, 1, 3]) if n > 1 else 0
        shown.append([(rng.choice([lowest, n - 1, rng.randrange(lowest, n)]), rng.choice("CDE")) for _ in range(count)])
    return shown


def chain_vectors() -> dict[str, object]:
    """All rules of a level and of rewards at once, block after block."""
    rng = random.Random(6)
    times, miners = [1_000_000], "-"
    for _ in range(160):
        times.append(times[-1] + rng.choice([1, 10, 25, 30, 35, 60, 299, 300, 301, 500, 2_000]))
        miners += rng.choice("AAAAAAAAABBC")
    named = shown_ommers(rng, miners)
    levels = law.controllers(DIFFICULTY, times, [len(block) for block in named])
    pairs = [(0, 0), *law.streaks(list(miners[1:]))]
    offsets = law.offsets(DIFFICULTY, pairs)
    in_force = [0]
    for n in range(1, len(times)):
        late = law.overdue(DIFFICULTY, n, times[n] - times[n - 1])
        in_force.append(law.clamp(DIFFICULTY, levels[n] + offsets[n] - late))
    # An ommer's level is near that of the block of its number: sometimes below it, by as much as is lawful.
    shown = [
        [
            (number, law.work(max(10 * LEVEL, in_force[number] - rng.choice([0, 0, LEVEL]))), who)
            for number, who in block
        ]
        for block in named
    ]
    held = [("-", 0, 0), *((miners[n], law.work(in_force[n]), levels[n]) for n in range(1, len(times)))]
    spec = {"rewards": REWARDS, "ommers": OMMERS}
    paid, counts = law.payments(spec, held, shown), law.counted(REWARDS, OMMERS, miners, shown)
    blocks, total = [], 0
    for n in range(1, len(times)):
        total += law.work(in_force[n])
        settled = n - int(OMMERS["window"]) - 1
        blocks.append(
            {
                "timestamp": times[n],
                "miner": miners[n],
                "ommers": [[number, str(difficulty), who] for number, difficulty, who in shown[n]],
                "controller": levels[n],
                "level": in_force[n],
                "difficulty": str(law.work(in_force[n])),
                "margin": law.margin(LADDER, in_force[n]),
                "totalDifficulty": str(total),
                "streak": pairs[n][0],
                "endedStreak": pairs[n][1],
                "countedStreakSettled": counts[settled] if settled >= 1 else 0,
                "payments": [[kind, who, str(amount)] for kind, who, amount in paid[n]],
            }
        )
    genesis = {"timestamp": times[0]}
    return {"difficulty": DIFFICULTY, "ladder": LADDER, **spec, "genesis": genesis, "blocks": blocks}


def spec_vectors() -> list[dict[str, object]]:
    documents: list[dict[str, object]] = [
        {},
        {"b": 1, "a": [True, False, -5, 2**53 - 1], "é": 'ü"\\\n\u20ac', "A": {"z": "0x00", "y": []}},
        {"difficulty": DIFFICULTY, "rewards": REWARDS, "ladder": LADDER},
    ]
    out: list[dict[str, object]] = []
    for document in documents:
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = law.keccak256(text.encode()).hex()
        out.append({"document": document, "canonical": text, "digest": f"0x{digest}"})
    return out


FILES = {
    "headers.json": header_vectors,
    "work.json": work_vectors,
    "ladder.json": ladder_vectors,
    "controller.json": controller_vectors,
    "overdue.json": overdue_vectors,
    "streaks.json": streak_vectors,
    "rewards.json": reward_vectors,
    "base_fee.json": gas_vectors,
    "chain.json": chain_vectors,
    "spec_digest.json": spec_vectors,
}


def text_of(name: str) -> str:
    """The contents of one vector file."""
    return json.dumps(FILES[name](), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for file_name in FILES:
        (VECTORS / file_name).write_text(text_of(file_name), encoding="utf-8")
