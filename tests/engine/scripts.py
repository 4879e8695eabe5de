"""Runs scripts in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

PREAMBLE = """
import os, signal, sys, threading, time, warnings
import numpy
from tilegrad import Tensor
from tilegrad.base import errors
from tilegrad.engine import current_session

def check_that_it_works(size=100):
    values = numpy.arange(size * 7, dtype=numpy.float32).reshape(size, 7)
    x = Tensor(values)
    numpy.testing.assert_array_equal((x * 2 + 1).numpy(), values * 2 + 1)
    numpy.testing.assert_allclose(x.softmax().sum(1).numpy(), numpy.ones(size), rtol=1e-5)
"""


def start(script: str, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a script that finds the names of the preamble."""
    folders = [str(Path.cwd()), *filter(None, sys.path)]
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PREAMBLE + textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], *, is_quiet: bool = True) -> str:
    """Return what a script printed; fail if it hangs, fails or complains."""
    try:
        output, problems = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail("".join(["it hangs\n", *process.communicate()]))
    assert process.returncode == 0, output + problems
    if is_quiet:
        assert problems == "", output + problems
    return output


def run(script: str, variables: Mapping[str, str] | None = None) -> str:
    """Return what a script prints."""
    return finish(start(script, variables))
