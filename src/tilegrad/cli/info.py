"""`tilegrad info`."""

from __future__ import annotations

import click
from rich.console import Console

from tilegrad.apps.information import print_information
from tilegrad.cli.session import open_session


@click.command
def info() -> None:
    """Say which devices, instruction sets and cores were found, and the settings in force."""
    with open_session() as session:
        print_information(session, Console())
