"""What a request asks for, made ready for the model: tokens, constraints, and the reply's shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tilegrad.apps.chat import ChatTemplate, Sampling, Tokeniser
from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.grammar import ANY_OBJECT, Constraint, Grammars
from tilegrad.apps.serve.job import Wishes
from tilegrad.apps.serve.limits import Limits
from tilegrad.apps.serve.requests import (
    ChatBody,
    CompletionBody,
    Format,
    GenerationBody,
    ObjectFormat,
    SchemaFormat,
)
from tilegrad.apps.serve.shapes import ChatShape, CompletionShape, Shape
from tilegrad.base.errors import DataError

_COMPOSED = 3
"""What composing letters and their marks, as some tokenisers do first, may shorten a text by."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The replies to one request.

    Attributes:
        prompts: tokens of each prompt.
        count: replies to each.
        wishes: how they are to be; each reply to a prompt gets a seed of its own.
        constraint: what they may say, or None for anything.
        shape: returns the shape of the reply to the prompt with this number.
    """

    prompts: Sequence[Sequence[int]]
    count: int
    wishes: Wishes
    constraint: Constraint | None
    shape: Callable[[int], Shape]

    def wishes_of(self, number: int) -> Wishes:
        """Return the wishes of the reply with this number to any of the prompts."""
        sampling = self.wishes.sampling
        if sampling.seed is None or number == 0:
            return self.wishes
        seed = (sampling.seed + number) % 2**64
        return replace(self.wishes, sampling=replace(sampling, seed=seed))


class Planner:
    """Makes plans for one model; any thread may call it.

    Args:
        tokeniser: of the model.
        template: how conversations become text, or None if the model knows none.
        grammars: for replies that have to fit a schema.
        token_bytes: the bytes of every token.
        context: the most tokens of a prompt and its reply together.
        limits: on what may be asked for.
    """

    def __init__(
        self,
        tokeniser: Tokeniser,
        template: ChatTemplate | None,
        grammars: Grammars,
        token_bytes: Sequence[bytes],
        *,
        context: int,
        limits: Limits,
    ) -> None:
        self._tokeniser, self._template, self._grammars = tokeniser, template, grammars
        self._bytes, self._context, self._limits = token_bytes, context, limits
        self._most_bytes = context * max(map(len, token_bytes)) * _COMPOSED

    def plan_chat(self, body: ChatBody) -> Plan:
        """Return what a conversation asks for.

        Raises:
            ApiError: it cannot be done.
        """
        if self._template is None:
            message = "the model has no chat template: use /v1/completions"
            raise ApiError(400, message, code="no_chat_template")
        turns = [
            {"role": "system" if turn.role == "developer" else turn.role, "content": turn.text}
            for turn in body.messages
        ]
        try:
            text = self._template.render(turns)
        except DataError as error:
            raise ApiError(400, f"{error.what}: {error.got}", param="messages") from error
        self._check_size(text, "messages")
        prompt = self._tokeniser.encode(text)
        self._check_length(prompt, "messages")
        if body.top_logprobs and not body.logprobs:
            message = "top_logprobs needs logprobs: true"
            raise ApiError(400, message, code="invalid_value", param="top_logprobs")
        limit = body.max_completion_tokens or body.max_tokens
        wishes = self._wishes(body, limit, body.top_logprobs if body.logprobs else None)
        self._check_count(body.n)
        constraint = self._constrain(body.response_format)
        has_tokens = body.logprobs
        return Plan(
            [prompt],
            body.n,
            wishes,
            constraint,
            lambda _number: ChatShape(self._bytes, has_tokens=has_tokens),
        )

    def plan_completion(self, body: CompletionBody) -> Plan:
        """Return what texts to complete ask for.

        Raises:
            ApiError: it cannot be done.
        """
        if body.best_of not in (None, body.n):
            message = "best_of: only the value of n is supported"
            raise ApiError(400, message, code="unsupported_value", param="best_of")
        if body.echo and body.logprobs is not None:
            message = "echo: the logprobs of prompts are not supported"
            raise ApiError(400, message, code="unsupported_value", param="echo")
        given = _list_prompts(body.prompt)
        self._check_count(body.n * len(given))
        prompts = [self._encode(prompt) for prompt in given]
        for prompt in prompts:
            self._check_length(prompt, "prompt")
        echoes = [self._show(prompt) if body.echo else "" for prompt in given]
        has_tokens = body.logprobs is not None
        return Plan(
            prompts,
            body.n,
            self._wishes(body, body.max_tokens, body.logprobs),
            None,
            lambda number: CompletionShape(self._bytes, has_tokens=has_tokens, echo=echoes[number]),
        )

    def _wishes(self, body: GenerationBody, limit: int | None, top: int | None) -> Wishes:
        sampling = Sampling(
            repetition_penalty=body.repetition_penalty,
            temperature=body.temperature,
            top_k=body.top_k,
            top_p=max(body.top_p, 1e-9),
            min_p=body.min_p,
            seed=None if body.seed is None else body.seed % 2**64,
        )
        return Wishes(
            sampling=sampling,
            limit=limit,
            stops=body.stops,
            presence_penalty=body.presence_penalty,
            frequency_penalty=body.frequency_penalty,
            bias={self._token(name): bias for name, bias in body.logit_bias.items()},
            top=top,
        )

    def _constrain(self, form: Format | None) -> Constraint | None:
        if isinstance(form, SchemaFormat):
            return self._grammars.constrain(form.json_schema.body)
        if isinstance(form, ObjectFormat):
            return self._grammars.constrain(ANY_OBJECT)
        return None

    def _encode(self, prompt: str | list[int]) -> list[int]:
        if isinstance(prompt, str):
            self._check_size(prompt, "prompt")
            return self._tokeniser.encode(prompt, with_start=True)
        wrong = next((token for token in prompt if token >= len(self._bytes)), None)
        if wrong is not None:
            message = f"prompt: the model has no token {wrong}"
            raise ApiError(400, message, code="invalid_value", param="prompt")
        return prompt

    def _show(self, prompt: str | list[int]) -> str:
        return prompt if isinstance(prompt, str) else self._tokeniser.decode(prompt)

    def _token(self, name: str) -> int:
        # Python's int() also takes signs, spaces, underscores and other scripts' digits.
        if name.isascii() and name.isdecimal() and len(name) < 10 and int(name) < len(self._bytes):
            return int(name)
        message = f"logit_bias: the model has no token {name[:20]!r}"
        raise ApiError(400, message, code="invalid_value", param="logit_bias")

    def _check_size(self, text: str, param: str) -> None:
        """Refuse a text that cannot fit before its tokens are found, which takes seconds a MB."""
        if len(text.encode("utf-8", "replace")) > self._most_bytes:
            raise ApiError(
                400,
                f"the prompt has more than the {self._most_bytes} bytes that "
                f"{self._context} tokens can stand for",
                code="context_length_exceeded",
                param=param,
            )

    def _check_length(self, prompt: Sequence[int], param: str) -> None:
        if not prompt:
            raise ApiError(400, f"{param}: the text is empty", code="invalid_value", param=param)
        if len(prompt) >= self._context:
            raise ApiError(
                400,
                f"the prompt has {len(prompt)} tokens, and at most {self._context} have room "
                "together with the reply",
                code="context_length_exceeded",
                param=param,
            )

    def _check_count(self, count: int) -> None:
        most = min(self._limits.choices, self._limits.waiting)
        if not 1 <= count <= most:
            message = f"a request may ask for 1 to {most} replies; this one asks for {count}"
            raise ApiError(400, message, code="invalid_value", param="n")


def _list_prompts(prompt: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """Return the prompts of a completion, given as one or several texts or lists of tokens."""
    if isinstance(prompt, str):
        return [prompt]
    prompts: list[str | list[int]] = []
    tokens: list[int] = []
    for part in prompt:
        if isinstance(part, int):
            tokens.append(part)
        else:
            prompts.append(part)
    return [tokens] if tokens else prompts
