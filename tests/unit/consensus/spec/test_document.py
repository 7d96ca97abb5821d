"""The JSON of a chain spec: strict, canonical, readable."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from quip.consensus.errors.spec import InvalidSpec
from quip.consensus.spec.chain_spec import parse_spec
from quip.consensus.spec.document import canonical, digest, parse_document, render
from quip.mining.calibration.spec_update import Calibration, calibration_of, recalibrated
from quip.networks.shipped import NETWORKS, file_name, load_spec, spec_bytes
from support.places import ROOT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{} x", "not JSON"),
        ('{"a": 1.0}', "only integers"),
        ('{"a": 1e3}', "only integers"),
        ('{"a": NaN}', "only integers"),
        ('{"a": -Infinity}', "only integers"),
        ('{"a": null}', "null"),
        ('{"a": [{"b": null}]}', "null"),
        ('{"a": 9007199254740992}', "decimal string"),
        ('{"a": -9007199254740992}', "decimal string"),
        ('{"a": 1, "a": 1}', "given twice"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "given twice"),
        ("[" * 100_000, "not JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "not JSON"),
        ('{"a": ["\\ud800"]}', "surrogate"),
        ('{"a": {"\\udfff": 1}}', "surrogate"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSpec, match=reason):
        parse_document(text.encode())


def test_not_utf8_and_too_long() -> None:
    with pytest.raises(InvalidSpec, match="not JSON"):
        parse_document(b'{"a": "\xff"}')
    with pytest.raises(InvalidSpec, match="bytes, more than"):
        parse_document(b" " * ((16 << 20) + 1))


def test_layout_does_not_count() -> None:
    one, other = parse_document(b'{"b": [1, 2], "a": "x"}'), parse_document(b'{"a":"x",\n"b":[1,2]}')
    assert canonical(one) == canonical(other) == b'{"a":"x","b":[1,2]}'
    assert digest(one) == digest(other)


@pytest.mark.parametrize("network", NETWORKS)
def test_shipped_files(network: str) -> None:
    """The root's file, the package's file and the layout that `render` gives are one."""
    text = (ROOT / file_name(network)).read_bytes()
    assert text == spec_bytes(network)
    assert render(parse_document(text)).encode() == text
    assert digest(parse_document(text)) == load_spec(network).digest


def test_by_name_path_and_file_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_spec("genesis_block_dev.json").name == "dev"
    assert load_spec(str(ROOT / "genesis_block_test.json")).name == "test"
    own = tmp_path / "genesis_block_dev.json"
    own.write_bytes(spec_bytes("test"))
    assert load_spec("genesis_block_dev.json").name == "test"  # a file that exists comes first
    assert load_spec("dev").name == "dev"
    for unknown in ("mainnet", str(tmp_path / "none.json"), str(tmp_path)):
        with pytest.raises(InvalidSpec, match="neither a file nor one of"):
            load_spec(unknown)


CALIBRATION = Calibration(ladder=((0, -9), (40 << 16, 9)), baseline_cap=-5, start=2 << 16, lo=1 << 16, hi=3 << 16)


def test_recalibration() -> None:
    old = load_spec("test")
    text = recalibrated(spec_bytes("test"), CALIBRATION)
    new = parse_spec(text)
    assert calibration_of(new) == CALIBRATION
    assert new.digest != old.digest
    assert recalibrated(text, calibration_of(old)) == spec_bytes("test")
    before, after = json.loads(spec_bytes("test")), json.loads(text)
    assert {name for name in before if before[name] != after[name]} == {"puzzle", "difficulty"}


def test_recalibration_is_checked() -> None:
    bad = Calibration(ladder=((1 << 16, 0), (2 << 16, 1)), baseline_cap=0, start=1 << 16, lo=1 << 16, hi=3 << 16)
    with pytest.raises(InvalidSpec, match="covers"):
        recalibrated(spec_bytes("test"), bad)


def test_the_script_makes_the_shipped_files() -> None:
    """Everything but the calibration, which it keeps: cutoffs, digests of graphs, numbers of the networks."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.chain_specs", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("digest 0x") == len(NETWORKS)
