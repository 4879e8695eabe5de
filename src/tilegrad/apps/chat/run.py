"""`tilegrad chat`: one answer, or a conversation at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from tilegrad.apps.chat.display import Display, describe
from tilegrad.apps.chat.find_model import find_model
from tilegrad.apps.chat.reply import Reply, complete
from tilegrad.apps.chat.sampling import Sampler, read_sampling
from tilegrad.apps.chat.template import ChatTemplate, Message
from tilegrad.apps.chat.tokeniser import Tokeniser
from tilegrad.apps.generation import Decoder
from tilegrad.apps.interrupt import Interrupt
from tilegrad.apps.models.language_families import read_config
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.base.errors import ArgumentError
from tilegrad.engine import Session
from tilegrad.frontend.gguf import read_gguf

DEFAULT_CONTEXT, DEFAULT_LIMIT = 2048, 512


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """What a user may choose.

    Attributes:
        model: a GGUF file; None for the one that is installed.
        system: what the model is told before the conversation, or None.
        is_raw: whether the model completes texts as they are, without its chat template.
        sampling: how tokens are chosen, by the names of ``Sampling``; what is not in here is as
            the file suggests.
        limit: the most tokens of a reply. A small model does not always find an end.
        stops: texts before which a reply ends.
        context: how many tokens are kept in mind; None for 2048, or fewer if that is the most.
            Beyond that the oldest turns are forgotten.
    """

    model: Path | None = None
    system: str | None = None
    is_raw: bool = False
    sampling: Mapping[str, Any] = field(default_factory=dict)
    limit: int = DEFAULT_LIMIT
    stops: tuple[str, ...] = ()
    context: int | None = None


class Chat:
    """A model and a conversation with it.

    Args:
        options: what the user chose.

    Attributes:
        messages: the turns so far.

    Raises:
        DataError: the model cannot be read, or has no chat template.
        ArgumentError: the context is longer than the model allows.
    """

    def __init__(self, options: ChatOptions) -> None:
        self.options = options
        self.path = options.model or find_model()
        file = read_gguf(self.path)
        self._tokeniser = Tokeniser(file.metadata)
        self._template = None if options.is_raw else ChatTemplate(file.metadata, self._tokeniser)
        context = options.context or min(DEFAULT_CONTEXT, read_config(file).context)
        model = LanguageModel(file, context)
        self._decoder = Decoder(model, context=context, shares_replies=True)
        self._sampler = Sampler(read_sampling(file.metadata, options.sampling))
        self.messages: list[Message] = []
        self.forget()

    def forget(self) -> None:
        """Begin a new conversation."""
        system = self.options.system
        self.messages = [] if system is None else [_say("system", system)]

    def answer(self, text: str, display: Display) -> Reply:
        """Show the reply to a text; an interrupt (Ctrl-C) ends it.

        Where the conversation leaves less than a quarter of the context for the reply, the oldest
        turns are forgotten. A turn to which nothing was replied is not remembered.

        Raises:
            ArgumentError: the text alone does not fit into the context; nothing is forgotten then.
        """
        reply, turns = Reply(), list(self.messages)
        first = int(self.options.system is not None)
        prompt = self._prompt(turns, text)
        while len(prompt) > self._decoder.context * 3 // 4 and len(turns) > first:
            del turns[first : first + 2]
            reply.forgotten += 1
            prompt = self._prompt(turns, text)
        with (
            Interrupt() as interrupt,
            display.open(),
            closing(self._complete(prompt, reply)) as pieces,
        ):
            for piece in pieces:
                display.show(piece, reply)
                if interrupt.is_requested:
                    reply.reason = "interrupted"
                    break
        if self._template is not None and reply.text:
            self.messages = [*turns, _say("user", text), _say("assistant", reply.text)]
        return reply

    def _complete(self, prompt: list[int], reply: Reply) -> Generator[str]:
        return complete(
            self._decoder,
            self._tokeniser,
            prompt,
            self._sampler,
            reply,
            limit=self.options.limit,
            stops=self.options.stops,
        )

    def _prompt(self, turns: Sequence[Message], text: str) -> list[int]:
        """Return the tokens of a text after some turns of a conversation."""
        if self._template is None:
            return self._tokeniser.encode(text, with_start=True)
        return self._tokeniser.encode(self._template.render([*turns, _say("user", text)]))


def _say(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def run_chat(session: Session, options: ChatOptions, prompt: str | None = None) -> None:
    """Answer one prompt, or talk until the input ends.

    Replies go to the standard output stream, all else to that for errors.

    Args:
        session: where it is computed.
        options: what the user chose.
        prompt: the one prompt; None to ask for prompts.

    Raises:
        DataError: the model cannot be read, or has no chat template.
        ArgumentError: the prompt or the context is too long.
    """
    errors = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    display = Display(Console(highlight=False))
    with session.entered():
        chat = Chat(options)
        session.trim()  # of what the vocabulary was built from: now the weights come
        if prompt is None and not sys.stdin.isatty():
            prompt = sys.stdin.read()
        if prompt is not None:
            errors.print(describe(chat.answer(prompt, display)), style="dim")
            return
        talk(chat, display, errors)


def talk(chat: Chat, display: Display, errors: Console) -> None:
    """Answer what the user types, until the end of the input (Ctrl-D).

    Args:
        chat: has the conversation.
        display: takes the replies.
        errors: takes all else.
    """
    import readline  # noqa: F401  # input() has a history and can be edited

    errors.print(f"{chat.path.name}: Ctrl-C stops a reply, /new begins anew, Ctrl-D ends")
    while True:
        try:
            text = input("> ").strip()
        except KeyboardInterrupt:
            errors.print()
            continue
        except EOFError:
            errors.print()
            return
        if text == "/new":
            chat.forget()
        elif text:
            try:
                _answer(chat, text, display, errors)
            except KeyboardInterrupt:  # a second one, or one before the reply has begun
                errors.print("interrupted", style="dim")


def _answer(chat: Chat, text: str, display: Display, errors: Console) -> None:
    try:
        reply = chat.answer(text, display)
    except ArgumentError as error:
        errors.print(f"{error.what}: {error.got}; --context gives more room")
        return
    errors.print(describe(reply), style="dim")
