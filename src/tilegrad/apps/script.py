"""Somebody's Python script, run as if by Python itself."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def run_script(script: Path, arguments: list[str]) -> bool:
    """Run a script to its end, and say whether it was interrupted before.

    Args:
        script: a Python file.
        arguments: what it finds in ``sys.argv`` after its name.
    """
    before = sys.argv
    sys.argv = [str(script), *arguments]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit:
        pass  # scripts may end as they like
    except KeyboardInterrupt:
        return True
    finally:
        sys.argv = before
    return False
