"""The command `tilegrad`: argument parsing only; the work is done in `tilegrad.apps`.

Enter at `main`. Each subcommand stands in a module of its own.
"""

from tilegrad.cli.main import main

__all__ = ["main"]
