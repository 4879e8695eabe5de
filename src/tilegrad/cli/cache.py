"""`tilegrad cache`."""

from __future__ import annotations

import click
from rich.console import Console

from tilegrad.apps.cache import clear_cache, print_usage
from tilegrad.cli.session import open_session


@click.group
def cache() -> None:
    """Look after the compiled kernels and fetched data sets that are kept on disk."""


@cache.command
def size() -> None:
    """Say where the cache is and how much is in it."""
    with open_session() as session:
        print_usage(session.settings.cache_directory, Console())


@cache.command
@click.option("--schedules", is_flag=True, help="Delete the schedules that were found, too.")
@click.option("--datasets", is_flag=True, help="Delete fetched data sets too.")
def clear(schedules: bool, datasets: bool) -> None:
    """Delete the compiled kernels. They are made anew when they are needed."""
    with open_session() as session:
        directory = session.settings.cache_directory
        wanted = {"kernels": True, "schedules": schedules, "datasets": datasets}
        clear_cache(directory, Console(), [part for part, is_wanted in wanted.items() if is_wanted])
