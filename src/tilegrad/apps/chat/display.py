"""Showing a reply while it grows: text as it comes, and the rate below it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tilegrad.apps.chat.reply import ENDED, FULL, LIMITED, Reply
from tilegrad.apps.units import format_seconds

_CONTROLS = dict.fromkeys({*range(32), *range(127, 160)} - {ord("\n"), ord("\t")})
"""Characters by which a model would command the terminal; they are left out."""
_MORE = {LIMITED: "--max-tokens allows more", FULL: "--context gives more room"}
"""What helps if a reply was cut off."""


class Display:
    """Shows the pieces of a reply.

    Args:
        console: where they go; on a terminal with a line below that says how fast they come.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line = ""
        self._live: Live | None = None
        self._reply = Reply()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Show one reply in a `with` statement."""
        if not self._console.is_terminal:
            yield
            self._console.file.write("\n")
            self._console.file.flush()
            return
        self._live = Live(
            console=self._console,
            transient=True,
            refresh_per_second=12,
            get_renderable=self._render,
        )
        with self._live:
            yield
        self._live = None
        self._print(self._line)
        self._line = ""

    def show(self, piece: str, reply: Reply) -> None:
        """Show another piece of a reply, and how it comes about."""
        self._reply = reply
        if self._live is None:
            self._console.file.write(piece)
            self._console.file.flush()
            return
        *lines, self._line = (self._line + piece.translate(_CONTROLS)).split("\n")
        for line in lines:
            self._print(line)

    def _render(self) -> Group:
        """Return the line that grows, as much of its end as the terminal has room for."""
        console, reply = self._console, self._reply
        rows = Text(self._line).wrap(console, console.width)
        end = Text("\n").join(rows[-max(1, console.height - 2) :])
        state = f"{reply.prompt} tokens read"
        if reply.tokens:
            state = f"{len(reply.tokens)} written  {reply.rate:.1f} tokens/s"
        return Group(end, Text(state, "dim", no_wrap=True))

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def describe(reply: Reply) -> str:
    """Return one line on how a reply came about."""
    count = len(reply.tokens)
    first = f", first word after {format_seconds(reply.first_seconds)}" if count else ""
    parts = [
        f"{reply.prompt} tokens read{first}",
        f"{count} written" + (f" at {reply.rate:.1f} tokens/s" if reply.rate else ""),
    ]
    if reply.forgotten:
        turns = "turn was" if reply.forgotten == 1 else f"{reply.forgotten} turns were"
        parts.append(f"the oldest {turns} forgotten: --context gives more room")
    if reply.reason not in ("", ENDED):
        hint = _MORE.get(reply.reason)
        parts.append(f"{reply.reason}: {hint}" if hint else reply.reason)
    return "; ".join(parts)
