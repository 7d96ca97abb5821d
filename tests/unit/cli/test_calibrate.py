"""quip calibrate: which file is meant. (What it measures is tested with the calibration.)"""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from quip.cli import quip
from quip.cli.calibrate import FLAGS, spec_path
from quip.mining.calibration.command import CalibrateOptions
from quip.node.errors import ConfigError


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


def test_a_wrong_spec_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(quip.app, ["calibrate", str(tmp_path / "x.json")], catch_exceptions=False)
    assert caught.value.hint
