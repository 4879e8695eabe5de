"""`tilegrad cache`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from tilegrad.cli import main


@pytest.fixture
def directory(tmp_path):
    """A cache directory with something in each part, and something that is not the cache's."""
    files = {
        "kernels/ab/one": 2048,
        "schedules/ab/two": 3,
        "datasets/set/file": 10,
        "other/file": 5,
    }
    for name, size in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(size))
    return tmp_path


def run(directory, *arguments: str) -> str:
    environment = {"TILEGRAD_CACHE_DIRECTORY": str(directory), "COLUMNS": "200"}
    result = CliRunner().invoke(main, ["cache", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_size_of_each_part_is_told(directory):
    lines = run(directory, "size").splitlines()
    assert lines == [
        str(directory),
        "  compiled kernels: 2 KiB in 1 file",
        "  schedules found by `tilegrad tune`: 3 bytes in 1 file",
        "  data sets: 10 bytes in 1 file",
    ]


def test_an_empty_cache_has_a_size_too(tmp_path):
    assert "0 bytes in 0 files" in run(tmp_path / "none", "size")


def test_clearing_deletes_kernels_only_unless_asked_for_more(directory):
    assert run(directory, "clear") == "deleted 2 KiB in 1 file of compiled kernels\n"
    assert not (directory / "kernels").exists()
    assert (directory / "datasets").exists()
    assert "deleted 3 bytes in 1 file of schedules" in run(directory, "clear", "--schedules")
    assert "deleted 10 bytes in 1 file of data sets" in run(directory, "clear", "--datasets")
    assert [path.name for path in directory.iterdir()] == ["other"]


def test_clearing_an_empty_cache_is_no_error(tmp_path):
    assert run(tmp_path / "none", "clear").startswith("deleted 0 bytes")
