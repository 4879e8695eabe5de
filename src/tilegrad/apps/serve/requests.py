"""The bodies of requests, as the OpenAI API defines them, checked strictly.

What this server does not know is refused by name and not passed over: a reply that leaves out what
was asked for would look like one that does not. ``top_k``, ``min_p`` and ``repetition_penalty``
are additions.

Everything that repeats has a greatest length, and checking ends at its first wrong value: to list a
million of them took half a minute, in which nobody else was answered, and gigabytes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError, from_json

from tilegrad.apps.serve.errors import ApiError

T = TypeVar("T")


def _check_size(values: Any) -> Any:
    """Refuse an object of too many names before any of them is looked at."""
    if isinstance(values, dict) and len(values) > 1024:
        raise PydanticCustomError("too_long", "an object here has at most 1024 names")
    return values


Share = Annotated[float, Field(ge=0, le=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Count = Annotated[int, Field(ge=1, le=2**31)]
Token = Annotated[int, Field(ge=0, le=2**31)]
Stop = Annotated[str, Field(min_length=1, max_length=1024)]
Bias = Annotated[float, Field(ge=-100, le=100)]
Some = Annotated[list[T], Field(min_length=1, max_length=1024, fail_fast=True)]
Many = Annotated[list[T], Field(max_length=2**14, fail_fast=True)]
Tokens = Annotated[list[Token], Field(min_length=1, max_length=2**20, fail_fast=True)]


class Part(BaseModel):
    """A part of a body."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def drop_nulls(cls, values: Any) -> Any:
        """Take null for what is left out, as the API does."""
        if not isinstance(values, dict):
            raise PydanticCustomError("dict_type", "an object is expected")
        _check_size(values)
        return {name: value for name, value in values.items() if value is not None}


class Body(Part):
    """What the bodies of all requests have in common; the rest of it changes nothing."""

    model: str
    user: str = ""
    metadata: dict[str, Any] = {}
    store: bool = False
    service_tier: str = "auto"
    safety_identifier: str = ""
    prompt_cache_key: str = ""


class StreamOptions(Part):
    """What a stream tells besides the reply."""

    include_usage: bool = False
    include_obfuscation: Literal[False] = False


class GenerationBody(Body):
    """What a chat's reply and a text's completion have in common."""

    temperature: float = Field(default=1.0, ge=0, le=2)
    top_p: Share = 1.0
    top_k: int = Field(default=0, ge=0, le=2**31)
    min_p: Share = 0.0
    repetition_penalty: float = Field(default=1.0, gt=0, le=10)
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0
    logit_bias: Annotated[dict[str, Bias], BeforeValidator(_check_size)] = {}
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    stop: Stop | Annotated[list[Stop], Field(max_length=16, fail_fast=True)] = []
    n: int = Field(default=1, ge=1, le=128)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()

    @property
    def stops(self) -> list[str]:
        """The texts before which a reply ends."""
        return [self.stop] if isinstance(self.stop, str) else self.stop


class TextPart(Part):
    """A part of a message that is text."""

    type: Literal["text"]
    text: str


class Message(Part):
    """A turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Many[TextPart]
    name: str = ""

    @property
    def text(self) -> str:
        """All of its text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class JsonSchema(Part):
    """A schema and its name."""

    name: str
    description: str = ""
    body: dict[str, Any] = Field(alias="schema")
    strict: bool = True


class TextFormat(Part):
    """A reply of any form."""

    type: Literal["text"]


class ObjectFormat(Part):
    """A reply that is any JSON object."""

    type: Literal["json_object"]


class SchemaFormat(Part):
    """A reply that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


Format: TypeAlias = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class ChatBody(GenerationBody):
    """The body of ``/v1/chat/completions``."""

    messages: Many[Message] = Field(min_length=1)
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=20)
    response_format: Format | None = None


class CompletionBody(GenerationBody):
    """The body of ``/v1/completions``."""

    prompt: str | Some[str] | Tokens | Some[Tokens]
    max_tokens: Count = 16
    logprobs: int | None = Field(default=None, ge=0, le=5)
    echo: bool = False
    best_of: int | None = None


class EmbeddingBody(Body):
    """The body of ``/v1/embeddings``."""

    input: str | Many[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Count | None = None


B = TypeVar("B", bound=Body)


def parse(kind: type[B], data: bytes) -> B:
    """Read the body of a request.

    Raises:
        ApiError: it is no JSON, or something in it is wrong; the first such thing is named.
    """
    try:
        # No JSON has NaN, which some programs write nevertheless.
        value = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(400, f"the body is no JSON: {error}", code="invalid_json") from error
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        # Of a value that may be of several types, all are listed: tell of the one that it is of.
        first = found[0]["loc"][:1]
        alike = [one for one in found if one["loc"][:1] == first]
        worst = next((one for one in alike if not one["type"].endswith("_type")), alike[0])
        raise _explain(worst["type"], worst["msg"], worst["loc"], value) from error


def _explain(kind: str, message: str, place: tuple[int | str, ...], body: Any) -> ApiError:
    name = _name(kind, place, body)[:200] or None
    if kind == "extra_forbidden":
        return ApiError(
            400, f"unknown or unsupported parameter: {name}", code="unknown_parameter", param=name
        )
    where = "the body" if name is None else name
    return ApiError(400, f"{where}: {message}", code="invalid_value", param=name)


def _name(kind: str, place: tuple[int | str, ...], body: Any) -> str:
    """Return the name of a place in a body, without the names of types that pydantic puts in."""
    value: Any = body
    names: list[int | str] = []
    for part in place:
        if isinstance(value, dict):
            is_there = part in value
        else:
            is_there = isinstance(value, list) and isinstance(part, int)
        if is_there:
            value = value[part]
            names.append(part)
    if place and kind == "missing":
        names.append(place[-1])
    return ".".join(map(str, names))
