"""Chain specs: the shipped ones are sound; a field that is missing, unknown or out of range is named."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.proof_of_work.proof import puzzle_rules
from quip.consensus.spec.chain_spec import MAX_HI, REWARD_BITS, largest_reward, parse_spec
from quip.consensus.types.account_state import AccountChange
from quip.consensus.work.ladder import fault_of
from quip.consensus.work.units import work
from quip.net.wire.codec import decode, encode
from quip.net.wire.messages import HeadClaim, Heartbeat
from quip.networks.shipped import NETWORKS, load_spec, spec_bytes
from support.examples import examples

TEST: dict[str, Any] = json.loads(spec_bytes("test"))
DELETE = object()


def changed(path: str, value: object) -> bytes:
    """The test spec with one field set (or deleted): 'puzzle.baseline.cap', 'puzzle.ladder.0'."""
    document = copy.deepcopy(TEST)
    *parents, last = path.split(".")
    place: Any = document
    for name in parents:
        place = place[int(name) if isinstance(place, list) else name]
    key: Any = int(last) if isinstance(place, list) else last
    if value is DELETE:
        del place[key]
    else:
        place[key] = value
    return json.dumps(document).encode()


def paths(value: Any, prefix: str = "") -> list[str]:
    """Every field of the document."""
    if not isinstance(value, dict):
        return []
    return [found for name in value for found in (prefix + name, *paths(value[name], f"{prefix}{name}."))]


def is_fixed(path: str) -> bool:
    """False for what is named freely, accounts and system contracts, and what an account may do without."""
    section, _, rest = path.partition(".")
    return section not in ("alloc", "system") or not rest or rest.endswith((".balance", ".nonce"))


FIELDS = [path for path in paths(TEST) if is_fixed(path)]
BAD = [
    ("chain_id", 0),
    ("chain_id", "20051"),
    ("chain_id", True),
    ("chain_id", 1 << 53),
    ("chain_id", 1.0),
    ("name", ""),
    ("name", "a b"),
    ("name", "x" * 33),
    ("name", 7),
    ("name", None),
    ("puzzle", []),
    ("developer", 1),
    ("developer", "true"),
    ("puzzle.fields", "gaussian"),
    ("puzzle.gate_bits", -1),
    ("puzzle.gate_bits", 64),
    ("puzzle.min_solutions", 0),
    ("puzzle.min_distance", -1),
    ("puzzle.topology.family", "kagome"),
    ("puzzle.topology.m", 0),
    ("puzzle.topology.m", 33),
    ("puzzle.topology.t", 9),
    ("puzzle.topology.digest", "0x00"),
    ("puzzle.topology.digest", "0x" + "AB" * 32),
    ("puzzle.topology.digest", "zz" * 33),
    ("puzzle.topology.excluded_couplers", [[1]]),
    ("puzzle.topology.excluded_nodes", [-1]),
    ("puzzle.baseline.sweeps", 5),
    ("puzzle.baseline.cutoffs.0", []),
    ("puzzle.baseline.cutoffs.1", [65_536, 1]),
    ("puzzle.baseline.cutoffs.0.0", 65_535),
    ("puzzle.baseline.cutoffs.0.0", 65_537),
    ("puzzle.baseline.cutoffs.0.5", 65_536),
    ("puzzle.baseline.cap", "-1"),
    ("puzzle.ladder", []),
    ("puzzle.ladder", [[0, 0]]),
    ("puzzle.ladder.0", [0, 0, 0]),
    ("puzzle.ladder.0", [-1, -102_400]),
    ("puzzle.ladder.0", [524_289, -102_400]),
    ("puzzle.ladder.1", [2_097_151, -81_920]),
    ("puzzle.ladder.1", [2_621_440, -102_400]),
    ("puzzle.ladder.1", [(255 << 16) + 1, -81_920]),
    ("difficulty.start", (8 << 16) - 1),
    ("difficulty.start", (32 << 16) + 1),
    ("difficulty.lo", -1),
    ("difficulty.lo", 33 << 16),
    ("difficulty.hi", (191 << 16) + 1),
    ("difficulty.target_block_time", 0),
    ("difficulty.half_life", 0),
    ("difficulty.outage_cap", 0),
    ("difficulty.overdue.after", 0),
    ("difficulty.overdue.rate", -1),
    ("difficulty.streak.limit", -1),
    ("difficulty.future_limit", 0),
    ("rewards.base_reward", 10),
    ("rewards.base_reward", "-1"),
    ("rewards.base_reward", "0x10"),
    ("rewards.base_reward", "010"),
    ("rewards.base_reward", "²"),
    ("rewards.base_reward", "9" * 80),
    ("rewards.streak_multiplier", []),
    ("rewards.streak_multiplier", [-1]),
    ("rewards.streak_multiplier", [100] * 65),
    ("gas_limit.minimum", 4_999),
    ("gas_limit.maximum", 4_999),
    ("gas_limit.maximum", 29_999_999),
    ("evm_fork", "london"),
    ("alloc", {"0x00": {"balance": "1", "nonce": 0}}),
    ("alloc", {"0x" + "00" * 20: {"balance": "1"}}),
    ("alloc", {"0x" + "00" * 20: {"balance": str(2**256 - 1), "nonce": 0}}),
    ("alloc", {"0x" + "00" * 20: {"balance": "1", "nonce": 0, "code": "0x"}}),
    ("system", {"key_policy": "0x5101"}),
    ("genesis.timestamp", -1),
    ("genesis.gas_limit", 300_000_001),
    ("genesis.base_fee_per_gas", 1),
    ("genesis.extra_data", "0x" + "00" * 33),
    ("genesis.extra_data", "0x0"),
    ("genesis.extra_data", "0x0 0"),
    ("genesis.nonce", "0x00"),
]


@pytest.mark.parametrize("network", NETWORKS)
def test_shipped_specs(network: str) -> None:
    spec = load_spec(network)
    assert spec.name == network
    rules = puzzle_rules(spec.puzzle)
    assert rules.topology.digest == spec.puzzle.topology.digest
    assert len(rules.cutoffs) == rules.sweeps == spec.puzzle.sweeps
    assert fault_of(spec.puzzle.ladder, spec.difficulty.lo, spec.difficulty.hi) is None


def test_networks_have_different_ids_and_digests() -> None:
    specs = [load_spec(network) for network in NETWORKS]
    assert [spec.chain_id for spec in specs] == [20_049, 20_050, 20_051, 31_337]
    assert len({spec.digest for spec in specs}) == 4
    assert [spec.name for spec in specs if spec.developer] == ["local"]


@pytest.mark.parametrize(("path", "value"), BAD)
def test_bad_values(path: str, value: object) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(changed(path, value))
    named = caught.value.field.replace("[", ".").replace("]", "")
    assert not named or set(named.split(".")) & set(path.split(".")), caught.value.field
    assert caught.value.reason


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_is_required_and_counts(path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(changed(path, DELETE))
    assert caught.value.field == path
    assert "missing" in caught.value.reason


@pytest.mark.parametrize("path", ["", *[name for name in FIELDS if name in ("puzzle", "difficulty", "genesis")]])
def test_unknown_fields_name_the_nearest(path: str) -> None:
    name = {"": "evm_fork", "puzzle": "gate_bits", "difficulty": "half_life", "genesis": "timestamp"}[path]
    unknown = f"{path}.{name}s" if path else f"{name}s"
    with pytest.raises(InvalidSpec, match=f"nearest known field is '{name}'") as caught:
        parse_spec(changed(unknown, 1))
    assert caught.value.field == unknown


def test_a_renamed_field_gets_a_hint() -> None:
    document = copy.deepcopy(TEST)
    document["chainid"] = document.pop("chain_id")
    with pytest.raises(InvalidSpec, match="did you mean it by 'chainid'"):
        parse_spec(json.dumps(document).encode())


@given(st.sampled_from(FIELDS), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)))
@examples(60)
def test_any_value_is_a_spec_or_an_error(path: str, value: object) -> None:
    try:
        spec = parse_spec(changed(path, value))
    except InvalidSpec:
        return
    assert spec.digest != load_spec("test").digest or changed(path, value) == json.dumps(TEST).encode()


def test_every_change_changes_the_digest() -> None:
    first = parse_spec(changed("difficulty.future_limit", 77))
    assert first.digest != load_spec("test").digest
    assert parse_spec(json.dumps(dict(reversed(TEST.items()))).encode()).digest == load_spec("test").digest


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("puzzle.topology.digest", "0x" + "00" * 32, "but the graph's is"),
        ("puzzle.topology.excluded_nodes", [0], "but the graph's is"),
        ("puzzle.topology.excluded_nodes", [48], "not in the graph"),
        ("puzzle.min_distance", 25, "cannot be reached"),
    ],
)
def test_graph_checks(path: str, value: object, reason: str) -> None:
    spec = parse_spec(changed(path, value))
    with pytest.raises(InvalidSpec, match=reason):
        puzzle_rules(spec.puzzle)


def test_rows_reach_the_largest_degree() -> None:
    rows = [row[:-1] for row in TEST["puzzle"]["baseline"]["cutoffs"]]
    spec = parse_spec(changed("puzzle.baseline.cutoffs", rows))
    with pytest.raises(InvalidSpec, match="18 entries in a row, not 19"):
        puzzle_rules(spec.puzzle)


def test_alloc_and_system() -> None:
    address = "0x" + "ab" * 20
    spec = parse_spec(changed("alloc", {address: {"balance": str(2**200), "nonce": 3}}))
    assert [(entry.address.hex(), entry.account) for entry in spec.alloc] == [("ab" * 20, AccountChange(3, 2**200))]
    slot, value = "0x" + "00" * 31 + "01", "0x" + "00" * 31 + "ff"
    contract = {"balance": "0", "nonce": 1, "code": "0x6000", "storage": {slot: value}}
    [entry] = parse_spec(changed("alloc", {address: contract})).alloc
    assert entry.account == AccountChange(1, 0, b"\x60\x00", {bytes(31) + b"\1": bytes(31) + b"\xff"})
    assert parse_spec(changed("system", {"history": address})).system == (("history", bytes([0xAB] * 20)),)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code": "0x"}, "alloc.*code"),
        ({"code": "0x" + "00" * 24_577}, "alloc.*code"),
        ({"storage": {"0x01": "0x" + "00" * 32}}, "alloc.*storage.0x01"),
        ({"storage": {"0x" + "00" * 32: "0x01"}}, "alloc.*storage"),
        ({"storage": []}, "not an object"),
        ({"root": "0x00"}, "unknown field"),
    ],
)
def test_a_contract_that_is_none(change: dict[str, object], reason: str) -> None:
    document = changed("alloc", {"0x" + "ab" * 20: {"balance": "0", "nonce": 1, **change}})
    with pytest.raises(InvalidSpec, match=reason):
        parse_spec(document)


def test_a_spec_whose_rewards_could_overflow_a_balance_is_refused() -> None:
    spec = load_spec("dev")
    assert largest_reward(spec) < 1 << REWARD_BITS
    document = copy.deepcopy(TEST)
    document["puzzle"]["ladder"] = [[0, -102_400], [255 << 16, -81_920]]
    document["difficulty"] |= {"lo": 0, "hi": 62 << 16}
    assert parse_spec(json.dumps(document).encode()).difficulty.hi == 62 << 16
    document["difficulty"]["hi"] = 63 << 16
    with pytest.raises(InvalidSpec, match="a block at hi could pay"):
        parse_spec(json.dumps(document).encode())


def test_the_highest_level_leaves_a_total_difficulty_that_fits_a_claim() -> None:
    """2^64 blocks at hi, and the message that carries their sum (256 bits)."""
    document = copy.deepcopy(TEST)
    document["puzzle"]["ladder"] = [[0, -102_400], [255 << 16, -81_920]]
    document["difficulty"] |= {"lo": MAX_HI, "start": MAX_HI, "hi": MAX_HI}
    spec = parse_spec(json.dumps(document).encode())
    most = work(spec.difficulty.hi) * (1 << 64)
    assert most < 1 << 256
    heartbeat = Heartbeat(1, HeadClaim(bytes(32), (1 << 64) - 1, most))
    assert decode(0x11, encode(heartbeat)) == heartbeat
    assert work(MAX_HI + (1 << 16)) * (1 << 64) >= 1 << 256
