"""The device of this machine's processor, put together."""

from __future__ import annotations

from pathlib import Path

from tests.engine.scripts import finish, start

SCRIPT = """
check_that_it_works()
print("tilegrad.codegen.lower" in sys.modules, "llvmlite.binding" in sys.modules)
"""


def test_kernels_that_are_in_the_cache_need_no_code_generator(tmp_path: Path):
    variables = {"TILEGRAD_CACHE_DIRECTORY": str(tmp_path)}
    assert finish(start(SCRIPT, variables)).split() == ["True", "True"]
    assert finish(start(SCRIPT, variables)).split() == ["False", "False"]
