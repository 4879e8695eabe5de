"""A real model: what it says through the server is what it is known to say."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests.apps.serve.running import run
from tilegrad.apps.chat.find_model import find_model
from tilegrad.apps.serve.load import load_service
from tilegrad.apps.serve.options import ServeOptions
from tilegrad.base.errors import DataError
from tilegrad.engine import current_session

SCHEMA = {
    "type": "object",
    "properties": {
        "capital": {"type": "string", "maxLength": 12},
        "is_in_europe": {"type": "boolean"},
    },
    "required": ["capital", "is_in_europe"],
    "additionalProperties": False,
}


def test_the_capital_of_france_as_text_and_as_json():
    try:
        options = ServeOptions(model=find_model(), name="smollm", sequences=1, context=128)
    except DataError as error:
        pytest.skip(f"{error.what}: {error.mend}")
    with run(load_service(current_session(), options)) as server:
        question = [{"role": "user", "content": "What is the capital of France?"}]
        create = server.client.chat.completions.create
        reply = create(model="smollm", messages=question, temperature=0, logprobs=True)
        assert reply.choices[0].message.content == "The capital of France is Paris."
        assert reply.usage.prompt_tokens == 37
        tokens = [one.token for one in reply.choices[0].logprobs.content]
        assert tokens == ["The", " capital", " of", " France", " is", " Paris", "."]
        form = {"type": "json_schema", "json_schema": {"name": "france", "schema": SCHEMA}}
        reply = create(model="smollm", messages=question, temperature=0, response_format=form)
        found = json.loads(reply.choices[0].message.content)
        jsonschema.validate(found, SCHEMA)
        assert found["capital"] == "Paris"
