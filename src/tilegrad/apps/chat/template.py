"""The chat template that a file brings: how the turns of a conversation become one text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tilegrad.apps.chat.tokeniser import Tokeniser
from tilegrad.base.errors import DataError
from tilegrad.frontend.gguf import find_value

Message = Mapping[str, str]
"""The ``role`` (system, user or assistant) and ``content`` of a turn."""


class ChatTemplate:
    """A template in Jinja's language, run in its sandbox: it comes from a stranger.

    Args:
        metadata: of a GGUF file.
        tokeniser: of the same file.

    Raises:
        DataError: the file has no template or a damaged one, or Jinja is not installed.
    """

    def __init__(self, metadata: Mapping[str, Any], tokeniser: Tokeniser) -> None:
        source = find_value(metadata, "tokenizer.chat_template", str, "")
        if not source:
            raise DataError(
                "the model has no chat template: it was made to complete texts",
                mend="let it do that: tilegrad chat --complete",
            )
        try:
            from jinja2 import TemplateError
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError as error:
            raise DataError(
                "chat templates are read by jinja2, which is not installed",
                mend='pip install "tilegrad[chat]"',
            ) from error
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        try:
            self._template = environment.from_string(
                source, globals={"raise_exception": _refuse, "strftime_now": _format_now}
            )
        except (TemplateError, SyntaxError) as error:
            raise DataError("the model's chat template is damaged", got=error) from error
        self._names = {
            "bos_token": tokeniser.start_text,
            "eos_token": tokeniser.end_text,
            # Templates are written for transformers, which names these even where there are none.
            "tools": None,
            "documents": None,
        }

    def render(self, messages: Sequence[Message]) -> str:
        """Return the text of a conversation, up to where the assistant's next turn begins.

        Raises:
            DataError: the template refuses the messages, for example a role.
        """
        try:
            return self._template.render(
                messages=list(messages), add_generation_prompt=True, **self._names
            )
        except Exception as error:  # it is a program: it may raise anything
            raise DataError("the model's chat template refuses this", got=error) from error


def _refuse(message: str) -> None:
    raise ValueError(message)


def _format_now(form: str) -> str:
    return datetime.datetime.now().astimezone().strftime(form)
