"""`tilegrad explain`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tilegrad.cli import main

SCRIPT = """
import sys
from tilegrad import Tensor, jit

x = Tensor.rand(64, 96).realize()

@jit
def layer(x):
    return (x @ x.T).relu().softmax()

for _ in range(int(sys.argv[1])):
    layer(x).realize()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def run(*arguments: object) -> Result:
    environment = {"TILEGRAD_THREADS": "1", "COLUMNS": "120"}
    return CliRunner().invoke(main, ["explain", *map(str, arguments)], env=environment)


def test_all_kernels_with_what_they_take(script: Path) -> None:
    result = run(script, 4)
    assert result.exit_code == 0, result.output
    rows = {line.split()[1]: line.split() for line in result.stdout.splitlines()[1:-1]}
    product, softmax = rows["reduce_64_64_r96"], rows["rows_64_64_r64"]
    assert product[2] == softmax[2] == "4"
    assert " ".join(product[6:8]) == "40 KiB"  # x once, and the result
    assert product[-1] in "MC"
    assert "GFLOP/s (C)" in result.stdout


def test_one_kernel_stage_by_stage(script: Path) -> None:
    names = {name: number for number, name in enumerate(("map", "product", "softmax"), 1)}
    result = run("--kernel", names["softmax"], "--stage", "all", script, 2)
    assert result.exit_code == 0, result.output
    for text in (
        "kernel 3: rows_64_64_r64",
        "v2 = reduce_over(v1, r0) {kind=",
        "reduce_maximum(",
        "function rows_64_64_r64:",
        "define void @rows_64_64_r64(",
        "# innermost loops:",
        "its rows fit the kernel",
    ):
        assert text in result.stdout


def test_what_there_is_not(script: Path) -> None:
    assert "1 to 3" in run("--kernel", 9, script, 1).output
    assert "--stage needs --kernel" in run("--stage", "tile", script, 1).output
    empty = script.with_name("empty.py")
    empty.write_text("raise SystemExit(3)")
    assert "empty.py ran no kernels" in run(empty).output
