"""The command itself, and how errors are shown."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
import traceback
from collections.abc import Mapping
from typing import IO, Any

import click
from rich.console import Console
from rich.text import Text

from tilegrad.base.errors import SettingsError, TilegradError
from tilegrad.base.settings import LogLevel, Settings

SUBCOMMANDS = ("info", "train", "chat", "serve", "tune", "explain", "cache")
"""Each is a module of this package and a command of the same name in it."""


class Failure(click.ClickException):
    """An error of tilegrad as the command line shows it: without a traceback."""

    def __init__(self, error: TilegradError) -> None:
        rows = (("got", error.got), ("expected", error.expected), ("to mend", error.mend))
        lines = [f"  {label}: {text}" for label, text in rows if text is not None]
        super().__init__("\n".join([f"{error.what} [{error.code}]", *lines]))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message to the standard error stream."""
        console = Console(file=file or sys.stderr, soft_wrap=True)
        console.print(Text.assemble(("error: ", "bold red"), self.message))


class Tilegrad(click.Group):
    """The group of all subcommands; it turns tilegrad's errors into messages.

    A subcommand is imported when it is asked for: those that are not take no time and no memory.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands, in the order in which help shows them."""
        return [*SUBCOMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, or None if there is none of that name."""
        if cmd_name not in SUBCOMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"tilegrad.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand that is to be run, and its arguments."""
        found = super().resolve_command(ctx, args)
        gc.freeze()  # what has been imported stays: to look there for garbage takes 40 ms a time
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except TilegradError as error:
            if wants_tracebacks(os.environ):
                traceback.print_exc()
                ctx.exit(1)
            raise Failure(error) from error
        finally:
            gc.unfreeze()


def wants_tracebacks(environment: Mapping[str, str]) -> bool:
    """Return whether the settings say that everything is to be told."""
    try:
        return Settings.from_environment(environment).log_level is LogLevel.DEBUG
    except SettingsError:
        return False


@click.group(cls=Tilegrad, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tilegrad", message="tilegrad %(version)s")
def main() -> None:
    """The tensor compiler you can see through.

    Settings are read from environment variables, TILEGRAD_...; `tilegrad info` lists them.
    With TILEGRAD_LOG_LEVEL=debug an error is shown with its traceback.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it may be closed
            # What is no text, or what a terminal has no signs for, is replaced and ends nothing.
            stream.reconfigure(errors="replace")
