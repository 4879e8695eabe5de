"""Files of strangers, whatever they say of themselves, are read or refused with a reason."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps.serve.tiny_model import write_tiny_model
from tilegrad.apps.chat import ChatTemplate, Tokeniser
from tilegrad.apps.chat.sampling import read_sampling
from tilegrad.apps.models.language_config import RotationConfig
from tilegrad.apps.models.language_families import FAMILIES
from tilegrad.apps.models.language_model import LanguageModel
from tilegrad.apps.models.rotation import Rotation
from tilegrad.apps.serve.token_bytes import list_control_tokens, list_token_bytes
from tilegrad.base.errors import DataError, TilegradError
from tilegrad.frontend.gguf import GGUFFile, read_gguf

SIZES = [0, -1, 1, 2, 3, 7, 2**31, 2**63, 2**64 - 1]
VALUES = [
    *(None, True, False, 0.0, -1.0, float("nan"), float("inf"), "", "x", "\0", "<0xZZ>"),
    *([], [1], [0, 1], ["a"], ["a", "b"], [1.5], [[1], [2]], "gpt2", "llama", "yarn"),
    *("{{ 1 / 0 }}", "{{ x.y.z }}", "{{ messages + 1 }}", "{{ messages[99] }}", "{% break %}"),
    *SIZES,
]
KEYS = [
    *("rope.scaling.type", "rope.scaling.factor", "rope.dimension_count", "rope.freq_base"),
    *("rope.scaling.original_context_length", "attention.key_length", "attention.value_length"),
    *("attention.sliding_window", "expert_count", "expert_used_count", "logit_scale"),
]
OTHERS = [
    *("bos_token_id", "eot_token_id", "unknown_token_id", "scores", "add_bos_token"),
    *("add_space_prefix", "token_type", "merges", "pre", "model", "tokens"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_tiny_model(path)
    return path


@pytest.fixture(scope="module")
def file(path: Path) -> GGUFFile:
    return read_gguf(path)


def use(read: Callable[[], GGUFFile]) -> None:
    """Do all that is done with what a file says."""
    with contextlib.suppress(TilegradError):
        file = read()
        tokeniser = Tokeniser(file.metadata)
        tokeniser.decode(tokeniser.encode("hello there", with_start=True))
        read_sampling(file.metadata, {})
        list_token_bytes(file.metadata), list_control_tokens(file.metadata)
        LanguageModel(file)
        ChatTemplate(file.metadata, tokeniser).render([{"role": "user", "content": "hi"}])


@settings(max_examples=300)
@given(
    family=st.sampled_from(["llama", *FAMILIES]),
    kind=st.sampled_from(["gpt2", "llama"]),
    data=st.data(),
)
def test_any_metadata_are_used_or_refused(file: GGUFFile, family: str, kind: str, data) -> None:
    metadata: dict[str, Any] = {
        key.replace("llama.", f"{family}.", 1) if key.startswith("llama.") else key: value
        for key, value in file.metadata.items()
    }
    metadata |= {"general.architecture": family, "tokenizer.ggml.model": kind}
    metadata["tokenizer.ggml.scores"] = [0.0] * len(metadata["tokenizer.ggml.tokens"])
    keys = [*metadata, *(f"{family}.{key}" for key in KEYS)]
    keys += [f"tokenizer.ggml.{key}" for key in OTHERS]
    wrong = st.dictionaries(st.sampled_from(keys), st.sampled_from(VALUES), min_size=1, max_size=2)
    use(lambda: replace(file, metadata=metadata | data.draw(wrong)))


@settings(max_examples=150)
@given(data=st.data())
def test_any_bytes_in_a_header_are_read_or_refused(path: Path, data) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 9000))
        number = data.draw(st.sampled_from(SIZES) | st.integers(0, 2**64 - 1))
        content[place : place + 8] = struct.pack("<Q", number % 2**64)
    end = data.draw(st.sampled_from([len(content), data.draw(st.integers(0, len(content)))]))
    wrong = path.with_name("wrong.gguf")
    wrong.write_bytes(content[:end])
    use(lambda: read_gguf(wrong))


def test_factors_of_another_number_of_pairs_are_refused() -> None:
    with pytest.raises(DataError, match="each pair"):
        Rotation(RotationConfig(10000.0, 16, True), numpy.ones(7))
