"""Bodies of requests: refused at their first wrong value, however many there are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tilegrad.apps.serve.errors import ApiError
from tilegrad.apps.serve.requests import ChatBody, CompletionBody, EmbeddingBody, parse

COUNT = 20_000


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (ChatBody, {"messages": [{}] * COUNT}),
        (ChatBody, {"messages": [{"role": "user", "content": ""}] * COUNT}),
        (ChatBody, {"messages": [{"role": "user", "content": [{}] * COUNT}]}),
        (ChatBody, {"logit_bias": dict.fromkeys(map(str, range(COUNT)), "x")}),
        (ChatBody, {"stop": [1] * COUNT}),
        (ChatBody, dict.fromkeys(map(str, range(COUNT)), 1)),
        (CompletionBody, {"prompt": [{}] * COUNT}),
        (CompletionBody, {"prompt": [[]] * COUNT}),
        (CompletionBody, {"prompt": [[{}] * COUNT]}),
        (CompletionBody, {"prompt": [1] * COUNT + ["x"]}),
        (EmbeddingBody, {"input": [1] * COUNT}),
        (EmbeddingBody, {"input": [""] * COUNT}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:60],
)
def test_of_many_wrong_values_only_the_first_is_told(kind: Any, change: dict[str, Any]):
    right = {ChatBody: "messages", CompletionBody: "prompt", EmbeddingBody: "input"}
    value = [{"role": "user", "content": "x"}] if kind is ChatBody else "x"
    body = {"model": "m", right[kind]: value}
    parse(kind, json.dumps(body).encode())
    with pytest.raises(ApiError) as caught:
        parse(kind, json.dumps(body | change).encode())
    assert caught.value.status == 400
    assert caught.value.__cause__.error_count() < 10


@pytest.mark.parametrize(
    "wrong", [b"NaN", b"[1e0, -Infinity]", b'"\\ud800"', b"\xff", b"{", b"1 2"]
)
def test_what_is_no_json_is_refused_wherever_it_stands(wrong: bytes):
    whole = b'{"model": "m", "prompt": "x", "metadata": {"a": %s}}'
    assert parse(CompletionBody, whole % b"1").prompt == "x"
    with pytest.raises(ApiError) as caught:
        parse(CompletionBody, whole % wrong)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "the body: an object is expected"),
        ({"model": "m", "messages": [1]}, "messages.0: an object is expected"),
    ],
    ids=str,
)
def test_what_has_to_be_an_object_is_said_to_be_none(body: Any, message: str):
    with pytest.raises(ApiError) as caught:
        parse(ChatBody, json.dumps(body).encode())
    assert caught.value.message == message


@pytest.mark.parametrize("prompt", [[], [[]]], ids=str)
def test_there_has_to_be_a_prompt(prompt: list[Any]):
    with pytest.raises(ApiError, match="at least 1 item") as caught:
        parse(CompletionBody, json.dumps({"model": "m", "prompt": prompt}).encode())
    assert caught.value.param.startswith("prompt")


def test_padding_that_is_not_sent_cannot_be_asked_for():
    body = {"model": "m", "prompt": "x", "stream_options": {"include_obfuscation": False}}
    parse(CompletionBody, json.dumps(body).encode())
    body["stream_options"] = {"include_obfuscation": True}
    with pytest.raises(ApiError) as caught:
        parse(CompletionBody, json.dumps(body).encode())
    assert caught.value.param == "stream_options.include_obfuscation"
