"""The API as the official client sees it: streams, choices, tokens, constraints and keys."""

from __future__ import annotations

import base64
import gc
import json
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import numpy
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps.serve.conftest import RunFake
from tests.apps.serve.fake_decoder import FakeDecoder
from tests.apps.serve.running import Server, wait_until
from tilegrad.apps.embedding import SentenceEncoder, find_encoder
from tilegrad.apps.serve.grammar import Constraint
from tilegrad.apps.serve.service import Embedder
from tilegrad.base.errors import DataError

TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
WAYS: list[dict[str, Any]] = [
    {"temperature": 0},
    {"seed": 1},
    {"seed": -5, "top_p": 0.5, "temperature": 1.5},
    {"seed": 2, "extra_body": {"top_k": 3, "min_p": 0.1, "repetition_penalty": 1.3}},
    {"temperature": 0, "presence_penalty": 1.5, "frequency_penalty": 1.0},
    {"seed": 3, "n": 3},
    {"seed": 4, "logit_bias": {"40": 6, "41": -100}},
    {"temperature": 0, "response_format": {"type": "json_object"}},
]


def chat(server: Server, **options):
    # Without a token that ends it, a reply goes on to its limit.
    options = {"logit_bias": {"0": -100}} | options
    options = {"model": "tiny", "messages": TURNS, "max_tokens": 24} | options
    return server.client.chat.completions.create(**options)


def read_stream(stream) -> tuple[list[str], list[str], list[list[Any]], Any]:
    """Return texts, reasons and tokens of the choices of a stream, and the usage at its end."""
    texts: dict[int, str] = {}
    reasons: dict[int, str] = {}
    tokens: dict[int, list[Any]] = {}
    usage = None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            assert choice.index not in reasons
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            if choice.logprobs is not None:
                tokens.setdefault(choice.index, []).extend(choice.logprobs.content)
            if choice.finish_reason is not None:
                reasons[choice.index] = choice.finish_reason
    numbers = range(len(texts))
    return (
        [texts[number] for number in numbers],
        [reasons[number] for number in numbers],
        [tokens.get(number, []) for number in numbers],
        usage,
    )


def test_eight_at_once_get_what_each_gets_alone(server: Server):
    def answer(way: dict[str, Any]) -> list[Any]:
        turns = [{"role": "user", "content": str(way)[:60] * len(way)}]
        return chat(server, messages=turns, logprobs=True, top_logprobs=5, **way).choices

    alone = [answer(way) for way in WAYS]
    with ThreadPoolExecutor(len(WAYS)) as pool:
        assert list(pool.map(answer, WAYS)) == alone
    assert len({choice.message.content for choices in alone for choice in choices}) == 10


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_stream_says_what_a_whole_reply_says(server: Server, way: dict[str, Any]):
    options = {**way, "logprobs": True, "top_logprobs": 2}
    whole = chat(server, **options)
    stream = chat(server, stream=True, stream_options={"include_usage": True}, **options)
    texts, reasons, tokens, usage = read_stream(stream)
    assert texts == [choice.message.content for choice in whole.choices]
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert tokens == [choice.logprobs.content for choice in whole.choices]
    assert usage.completion_tokens == whole.usage.completion_tokens
    assert usage.completion_tokens == sum(map(len, tokens))
    assert usage.prompt_tokens == whole.usage.prompt_tokens


def test_tokens_and_their_probabilities(server: Server):
    choice = chat(server, temperature=0, logprobs=True, top_logprobs=20).choices[0]
    assert choice.finish_reason == "length"
    found = choice.logprobs.content
    assert len(found) == 24
    assert all(one.token != "<|end|>" for one in found)
    # A random model writes broken characters; how many signs stand for these is not said.
    whole = b"".join(bytes(one.bytes) for one in found).decode("utf-8", "ignore")
    assert whole == choice.message.content.replace("\N{REPLACEMENT CHARACTER}", "")
    for one in found:
        assert one.logprob == one.top_logprobs[0].logprob
        assert sorted(one.top_logprobs, key=lambda other: -other.logprob) == one.top_logprobs
        assert 0 < sum(numpy.exp(other.logprob) for other in one.top_logprobs) <= 1 + 1e-9


def test_a_reply_ends_before_a_stop_string(server: Server):
    text = chat(server, temperature=0, max_tokens=40).choices[0].message.content
    stop = text[5:7]
    choice = chat(server, temperature=0, max_tokens=40, stop=[stop, "never"]).choices[0]
    assert (choice.message.content, choice.finish_reason) == (text[: text.index(stop)], "stop")
    streamed, reasons, _, _ = read_stream(
        chat(server, temperature=0, max_tokens=40, stop=stop, stream=True)
    )
    assert (streamed, reasons) == ([text[: text.index(stop)]], ["stop"])


def test_texts_are_completed(server: Server):
    create = server.client.completions.create
    prompts: list[Any] = ["th", [2, 3, 4], "x"]
    options = {"model": "tiny", "seed": 3, "max_tokens": 5, "logit_bias": {"0": -100}}
    alone = [create(prompt=prompt, **options).choices[0].text for prompt in prompts]
    both = create(prompt=["th", "x"], n=2, logprobs=3, **options)
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    assert [both.choices[number].text for number in (0, 2)] == [alone[0], alone[2]]
    assert both.usage.prompt_tokens == 2
    for choice in both.choices:
        assert len(choice.logprobs.tokens) == len(choice.logprobs.text_offset) == 5
        assert all(len(top) == 3 for top in choice.logprobs.top_logprobs)
    assert create(prompt="th", echo=True, **options).choices[0].text == "th" + alone[0]
    pieces = [chunk.choices[0].text for chunk in create(prompt="th", stream=True, **options)]
    assert "".join(pieces) == alone[0]


def test_the_context_ends_a_reply(server: Server):
    choice = chat(server, temperature=0, max_tokens=1000).choices[0]
    assert choice.finish_reason == "length"
    with pytest.raises(openai.BadRequestError, match="have room together") as caught:
        chat(server, messages=[{"role": "user", "content": "x" * 600}])
    assert caught.value.code == "context_length_exceeded"


def _objects(values: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(st.sampled_from(["a", "b", "long name", "ü"]), values, max_size=3)
    return properties.map(
        lambda found: {
            "type": "object",
            "properties": found,
            "required": sorted(found),
            "additionalProperties": False,
        }
    )


LEAVES = (
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"const": 7}])
    | st.integers(-99, 0).map(lambda low: {"type": "integer", "minimum": low, "maximum": 99})
    | st.integers(0, 6).map(lambda most: {"type": "string", "maxLength": most})
    | st.just({"type": "string", "pattern": "^[a-f]{2,4}$"})
    | st.just({"enum": ["red", "green", 3, None]})
)
SCHEMAS = _objects(
    st.recursive(
        LEAVES,
        lambda inner: (
            _objects(inner)
            | inner.map(lambda items: {"type": "array", "items": items, "maxItems": 2})
            | st.lists(inner, min_size=1, max_size=2).map(lambda some: {"anyOf": some})
        ),
        max_leaves=5,
    )
)


@settings(max_examples=15)
@given(schema=SCHEMAS, seed=st.integers(0, 99))
def test_a_constrained_reply_fits_its_schema(server: Server, schema: dict[str, Any], seed: int):
    form = {"type": "json_schema", "json_schema": {"name": "any", "schema": schema}}
    choice = chat(server, seed=seed, response_format=form, max_tokens=500).choices[0]
    assert choice.finish_reason == "stop"
    jsonschema.validate(json.loads(choice.message.content), schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:9/other.json"},
        {"type": "string", "pattern": "("},
        {"not": {}},
        {"type": "integer", "minimum": 2, "maximum": 1},
    ],
    ids=str,
)
def test_a_schema_that_cannot_be_kept_is_refused(server: Server, schema: dict[str, Any]):
    form = {"type": "json_schema", "json_schema": {"name": "any", "schema": schema}}
    with pytest.raises(openai.BadRequestError, match="JSON schema cannot be used") as caught:
        chat(server, response_format=form)
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_what_a_schema_takes_goes_with_its_request(fake_server: Server, is_streamed: bool):
    constraints: list[weakref.ref[Constraint]] = []

    class Noted(Constraint):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            constraints.append(weakref.ref(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tilegrad.apps.serve.grammar.Constraint", Noted)
        gc.disable()  # nothing may wait until Python looks for circles: it sees no megabytes there
        try:
            form = {"type": "json_object"}
            answer = chat(fake_server, response_format=form, n=2, stream=is_streamed)
            assert list(answer)
            assert len(constraints) == 3
            wait_until(lambda: not any(constraint() for constraint in constraints))
        finally:
            gc.enable()


def test_models_are_listed(server: Server):
    assert next(iter(server.client.models.list())).id == "tiny"
    assert server.client.models.retrieve("tiny").owned_by == "tilegrad"
    with pytest.raises(openai.NotFoundError, match="there is tiny"):
        server.client.models.retrieve("other/name")
    with pytest.raises(openai.NotFoundError) as caught:
        chat(server, model="other")
    assert caught.value.code == "model_not_found"


def test_what_happens_is_counted(server: Server):
    before = {
        name: server.metric(name)
        for name in (
            'requests_total{path="/v1/chat/completions",status="200"}',
            'tokens_total{kind="prompt"}',
            'tokens_total{kind="written"}',
            "first_token_seconds_count",
            "token_seconds_count",
        )
    }
    usage = chat(server, temperature=0, max_tokens=5).usage
    growth = [server.metric(name) - value for name, value in before.items()]
    assert growth == [1, usage.prompt_tokens, 5, 1, 4]
    assert server.metric("waiting_replies") == server.metric("running_replies") == 0


def test_a_failure_is_told_of_and_counted(run_fake: RunFake, monkeypatch: pytest.MonkeyPatch):
    with run_fake(FakeDecoder()) as server:
        monkeypatch.setattr(server.service.planner, "plan_completion", lambda _body: 1 // 0)
        with pytest.raises(openai.InternalServerError, match="its log says more"):
            server.client.completions.create(model="tiny", prompt="x")
        assert server.metric('requests_total{path="/v1/completions",status="500"}') == 1


def test_a_key_is_asked_for(run_fake: RunFake):
    with run_fake(FakeDecoder(), key="open sesamé") as server:
        headers = {"Authorization": "Bearer open sesamé".encode()}
        assert server.ask("GET", "/v1/models", headers=headers)[0] == 200
        assert server.ask("GET", "/health")[0] == 200
        for wrong in ({}, {"Authorization": "Bearer é"}, {"Authorization": "Basic open sesamé"}):
            for path in ("/v1/models", "/metrics", "/nothing"):
                status, answer, body = server.ask("GET", path, headers=wrong)
                assert (status, answer["WWW-Authenticate"]) == (401, "Bearer")
                assert json.loads(body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("key", ["voilà", "Å"])
def test_bytes_of_a_key_are_no_spaces(run_fake: RunFake, key: str):
    with run_fake(FakeDecoder(), key=key) as server:
        headers = {"Authorization": f"Bearer {key}".encode()}
        assert server.ask("GET", "/v1/models", headers=headers)[0] == 200


def test_texts_are_embedded(run_fake: RunFake):
    try:
        embedder = Embedder("model", SentenceEncoder(find_encoder()))
    except DataError as error:
        pytest.skip(str(error))
    with run_fake(FakeDecoder(), embedder) as server:
        create = server.client.embeddings.create
        texts = ["A man is eating food.", "Someone is having a meal."]
        found = [one.embedding for one in create(model="model", input=texts).data]
        assert numpy.dot(*found) == pytest.approx(0.689, abs=1e-3)
        _, _, body = server.ask(
            "POST",
            "/v1/embeddings",
            json.dumps({"model": "model", "input": texts[0], "encoding_format": "base64"}).encode(),
            {"Content-Type": "application/json"},
        )
        answer = json.loads(body)
        packed = base64.b64decode(answer["data"][0]["embedding"])
        numpy.testing.assert_allclose(numpy.frombuffer(packed, "<f4"), found[0], atol=1e-5)
        assert answer["usage"]["prompt_tokens"] == 8
        with pytest.raises(openai.BadRequestError, match="none of them empty"):
            create(model="model", input=["a", ""])
