"""Sentences that mean alike point alike: the published numbers, and those of transformers."""

from __future__ import annotations

import numpy
import pytest
import torch
import transformers

from tilegrad.apps.embedding import SentenceEncoder, find_encoder
from tilegrad.base.errors import DataError

TEXTS = [
    "A man is eating food.",
    "Someone is having a meal.",
    "The stock market crashed today.",
    "",
    "naïve 🙂 日本語",
    "word " * 60,
]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    try:
        return SentenceEncoder(find_encoder())
    except DataError as error:
        pytest.skip(f"{error.what}: {error.mend}")


def test_cosines_are_the_published_ones(encoder: SentenceEncoder):
    vectors = encoder(TEXTS[:3])
    assert vectors[0] @ vectors[1] == pytest.approx(0.689, abs=1e-3)
    assert vectors[0] @ vectors[2] == pytest.approx(0.009, abs=1e-3)


def test_vectors_are_those_of_transformers_whatever_stands_beside(encoder: SentenceEncoder):
    folder = find_encoder()
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = encoder(TEXTS)
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        expected = (mean / mean.norm()).numpy()
        numpy.testing.assert_allclose(vector, expected, atol=2e-5)
    numpy.testing.assert_allclose(encoder(TEXTS[:1])[0], found[0], atol=2e-5)
    assert encoder([]).shape == (0, 384)


def test_long_texts_are_cut(encoder: SentenceEncoder):
    long, longer = encoder(["word " * 400, "word " * 500])
    numpy.testing.assert_allclose(long, longer, atol=1e-6)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        SentenceEncoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(DataError, match="another than those that are known"):
        SentenceEncoder(tmp_path)
