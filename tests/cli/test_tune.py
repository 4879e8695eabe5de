"""`tilegrad tune`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tilegrad.cli import main


@pytest.fixture
def tune(tmp_path):
    """Tune a script of this text."""

    def run(text: str, *options: str, device: str = "cpu"):
        script = tmp_path / "script.py"
        script.write_text(text)
        environment = {
            "TILEGRAD_CACHE_DIRECTORY": str(tmp_path / "cache"),
            "TILEGRAD_DEVICE": device,
            "COLUMNS": "200",
        }
        arguments = ["tune", "--seconds", "0.2", *options, str(script), "one", "--two"]
        return CliRunner().invoke(main, arguments, env=environment)

    return run


SCRIPT = """
import sys
from tilegrad import Tensor
assert __name__ == "__main__" and sys.argv[1:] == ["one", "--two"]
print(Tensor.arange(6).reshape(2, 3).sum().item())
"""


def test_a_script_is_run_and_its_kernels_are_searched(tune):
    result = tune(SCRIPT, "--threads", "1")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "15"
    assert lines[1].split() == ["kernel", "share", "default", "tuned", "gain", "tried", "chosen"]
    assert "1 of 1 kernels were searched; all together run " in lines[-1]


def test_a_script_may_end_as_it_likes(tune):
    assert tune("raise SystemExit(3)").exit_code == 0
    result = tune(SCRIPT + "raise KeyboardInterrupt")
    assert result.exit_code == 0
    assert "the script was interrupted" in result.stderr
    assert "1 of 1" in result.stdout


def test_an_error_of_the_script_is_its_own(tune):
    assert isinstance(tune("{}['x']").exception, KeyError)


def test_what_is_not_compiled_cannot_be_tuned(tune):
    result = tune(SCRIPT, device="reference")
    assert result.exit_code == 1
    assert "only what is compiled can be tuned" in result.stderr


def test_an_interrupted_search_exits_as_an_interrupted_program(tune, monkeypatch):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("tilegrad.engine.search.search.Climb", interrupt)
    result = tune(SCRIPT)
    assert result.exit_code == 130
    assert "0 of 1 kernels were searched" in result.stdout
