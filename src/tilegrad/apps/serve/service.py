"""What is served, put together: the language model, its tokeniser, the encoder of texts."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tilegrad.apps.chat import ChatTemplate, Tokeniser
from tilegrad.apps.embedding import SentenceEncoder
from tilegrad.apps.generation import Decoder
from tilegrad.apps.serve.grammar import Grammars
from tilegrad.apps.serve.guard import is_local_name
from tilegrad.apps.serve.limits import Limits
from tilegrad.apps.serve.metrics import Metrics
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.apps.serve.plan import Planner
from tilegrad.apps.serve.scheduler import Scheduler
from tilegrad.apps.serve.token_bytes import list_control_tokens, list_token_bytes
from tilegrad.engine import Session
from tilegrad.frontend.gguf import GGUFFile


@dataclass(frozen=True, slots=True)
class Embedder:
    """An encoder of texts, as a model of the API."""

    name: str
    encoder: SentenceEncoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All that the paths need.

    Attributes:
        name: of the language model.
        created: when it was loaded, in seconds since 1970.
        planner: makes requests ready.
        scheduler: lets them be done.
        embedder: the encoder of texts, or None.
        metrics: count.
        limits: on what may be asked for.
        key: that clients need, or None.
        is_local: whether the server is reached from this machine only.
    """

    name: str
    created: int
    planner: Planner
    scheduler: Scheduler
    embedder: Embedder | None
    metrics: Metrics
    limits: Limits
    key: str | None = None
    is_local: bool = True


def build_service(
    session: Session,
    options: ServeOptions,
    name: str,
    file: GGUFFile,
    decoder: Decoder,
    embedder: Embedder | None = None,
) -> Service:
    """Return a service that is ready to be started.

    Args:
        session: where it is computed.
        options: what the user chose.
        name: of the language model in the API.
        file: has its tokeniser.
        decoder: the model and its memory.
        embedder: an encoder of texts, or None.

    Raises:
        DataError: the file has no tokeniser, or one that is not known.
    """
    tokeniser = Tokeniser(file.metadata)
    token_bytes = list_token_bytes(file.metadata)
    control, ends = list_control_tokens(file.metadata), sorted(tokeniser.ends)
    planner = Planner(
        tokeniser,
        _find_template(file, tokeniser),
        Grammars(token_bytes, control, ends, tokeniser.encode),
        token_bytes,
        context=decoder.context,
        limits=options.limits,
    )
    metrics = Metrics()
    scheduler = Scheduler(
        decoder,
        tokeniser,
        metrics,
        embed=None if embedder is None else embedder.encoder.embed,
        limit=options.limits.waiting,
        session=session.entered,
    )
    metrics.watch("waiting_replies", "Replies that wait for room.", lambda: scheduler.waiting)
    metrics.watch("running_replies", "Replies being written.", lambda: scheduler.running)
    metrics.watch("used_pages", "Pages of memory in use.", lambda: decoder.used_pages)
    metrics.watch("free_pages", "Pages of memory to be had.", lambda: decoder.free_pages)
    return Service(
        name=name,
        created=int(time.time()),
        planner=planner,
        scheduler=scheduler,
        embedder=embedder,
        metrics=metrics,
        limits=options.limits,
        key=options.key,
        is_local=is_local_name(options.host),
    )


def _find_template(file: GGUFFile, tokeniser: Tokeniser) -> ChatTemplate | None:
    """Return the chat template of a model that has one."""
    has_one = "tokenizer.chat_template" in file.metadata
    return ChatTemplate(file.metadata, tokeniser) if has_one else None
