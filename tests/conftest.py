"""What all tests share: a clean environment, Hypothesis profiles and the golden files."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.golden import Golden, golden_folder

# The suite gives the same verdict twice; `--hypothesis-profile=long` looks for what it has missed.
hypothesis.settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.register_profile(
    "long", deadline=None, max_examples=5000, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.load_profile("suite")


# A shell that runs something in the background lets it ignore interrupts, which are tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take the user's settings away, give the run its own empty cache, and verify every stage."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in [name for name in os.environ if name.startswith("TILEGRAD_")]:
            patch.delenv(variable)
        patch.setenv("TILEGRAD_CACHE_DIRECTORY", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("TILEGRAD_VERIFY", "on")
        yield


@pytest.fixture(scope="module", autouse=True)
def frozen_objects() -> None:
    """Let collections of garbage, which every capture makes, pass over what is there to stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a golden file: ``golden("name.txt", text)``."""
    folder = golden_folder(Path(request.path))
    return Golden(folder, is_updating=request.config.getoption("--update-golden"))
