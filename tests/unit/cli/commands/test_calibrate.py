"""quip calibrate: which file is meant. (What it measures is tested with the calibration.)"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from quip.cli import quip
from quip.cli.commands.calibrate import FLAGS, spec_path
from quip.mining.calibration.command import CalibrateOptions
from quip.node.errors import ConfigError, NodeError


def test_a_name_means_the_file_of_this_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no chain spec"):
        spec_path("dev")
    Path("genesis_block_dev.json").write_text("{}")
    assert spec_path("dev") == Path("genesis_block_dev.json")
    assert spec_path("./genesis_block_dev.json") == Path("genesis_block_dev.json")


def test_every_flag_is_an_option_of_the_calibration() -> None:
    fields = set(CalibrateOptions.__dataclass_fields__)
    assert {flag.key for flag in FLAGS} <= fields


@pytest.mark.parametrize(
    "given",
    ["--instances=0", "--instances=-5", "--proofs=0", "--threads=0", "--seed=-1", "--start-seconds=0"],
)
def test_what_cannot_be_measured_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=given.partition("=")[0]):
        CliRunner().invoke(quip.app, ["calibrate", "genesis_block_dev.json", given], catch_exceptions=False)


def test_too_few_instances_are_an_error_with_a_hint() -> None:
    arguments = ["calibrate", "genesis_block_dev.json", "--dry-run", "--instances=1", "--threads=1"]
    with pytest.raises(NodeError, match="too few") as caught:
        CliRunner().invoke(quip.app, arguments, catch_exceptions=False)
    assert "--instances" in caught.value.hint


def test_a_wrong_spec_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(quip.app, ["calibrate", str(tmp_path / "x.json")], catch_exceptions=False)
    assert caught.value.hint


def test_the_report_needs_a_summary(tmp_path: Path) -> None:
    arguments = ["calibrate", "genesis_block_dev.json", "--report", f"--docs={tmp_path}"]
    with pytest.raises(ConfigError, match="no report") as caught:
        CliRunner().invoke(quip.app, arguments, catch_exceptions=False)
    assert "--docs" in caught.value.hint
    with pytest.raises(ConfigError, match="no summary"):
        CliRunner().invoke(quip.app, [*arguments[:2], "--refine", arguments[3]], catch_exceptions=False)
    (tmp_path / "dev.json").write_text("{}")
    for flag in ("--report", "--refine"):
        with pytest.raises(ConfigError, match="no summary"):
            CliRunner().invoke(quip.app, [*arguments[:2], flag, arguments[3]], catch_exceptions=False)
