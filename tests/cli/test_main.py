"""The command: help, version, errors."""

from __future__ import annotations

import gc
from importlib import metadata

import click
import pytest
from click.testing import CliRunner

from tilegrad.base.errors import DataError
from tilegrad.cli import main
from tilegrad.cli.main import Tilegrad


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def test_the_version_is_that_of_the_package(runner):
    result = runner.invoke(main, ["--version"])
    assert result.output == f"tilegrad {metadata.version('tilegrad')}\n"


@pytest.mark.parametrize("path", [[], ["info"], ["cache"], ["cache", "clear"], ["cache", "size"]])
def test_every_command_explains_itself(runner, path):
    result = runner.invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_what_a_command_imported_is_not_searched_for_garbage_while_it_runs(runner, monkeypatch):
    frozen = []
    count = lambda *_: frozen.append(gc.get_freeze_count())  # noqa: E731
    monkeypatch.setattr("tilegrad.cli.info.print_information", count)
    assert runner.invoke(main, ["info"]).exit_code == 0
    assert frozen[0] > 1000
    assert gc.get_freeze_count() == 0


def test_an_unknown_setting_is_refused_with_a_suggestion(runner):
    result = runner.invoke(main, ["info"], env={"TILEGRAD_THREAD": "2"})
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: The environment variable TILEGRAD_THREAD is no setting")
    assert "to mend: did you mean TILEGRAD_THREADS?" in result.stderr


@click.group(cls=Tilegrad)
def failing() -> None:
    pass


@failing.command
def fail() -> None:
    raise DataError("It is not [there]", got=1, expected=2, mend="put it there")


def test_errors_are_shown_without_a_traceback(runner):
    result = runner.invoke(failing, ["fail"])
    assert result.exit_code == 1
    assert result.stderr == (
        "error: It is not [there] [TG502]\n  got: 1\n  expected: 2\n  to mend: put it there\n"
    )


def test_errors_are_shown_with_a_traceback_when_debugging(runner):
    result = runner.invoke(failing, ["fail"], env={"TILEGRAD_LOG_LEVEL": "debug"})
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "in fail" in result.stderr
