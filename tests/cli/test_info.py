"""`tilegrad info`."""

from __future__ import annotations

import re

from click.testing import CliRunner

from tilegrad.base.settings import Settings
from tilegrad.cli import main


def test_what_is_not_to_be_used_is_said():
    environment = {"TILEGRAD_INSTRUCTION_SET": "sse2", "TILEGRAD_THREADS": "1", "COLUMNS": "200"}
    result = CliRunner().invoke(main, ["info"], env=environment)
    assert "1 thread, vectors of 128 bits (sse2 at most)" in result.stdout
    assert re.search(r"TILEGRAD_INSTRUCTION_SET +sse2 \(default ", result.stdout)


def test_devices_cores_caches_and_every_setting_are_named():
    result = CliRunner().invoke(main, ["info"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    for word in ("Python", "LLVM", "instruction sets", "cores", "L1", "cpu", "reference"):
        assert word in result.stdout
    for setting in Settings().describe():
        assert setting.variable in result.stdout
