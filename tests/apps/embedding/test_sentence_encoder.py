"""Sentences that mean alike point alike: the published numbers, and those of transformers."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
import transformers

from tilegrad.apps.embedding import SentenceEncoder, find_encoder, sentence_encoder
from tilegrad.base.errors import DataError
from tilegrad.engine import Session

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


def test_a_text_s_first_token_may_be_its_vector(encoder: SentenceEncoder, tmp_path: Path):
    for path in find_encoder().glob("*.*"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    model = transformers.AutoModel.from_pretrained(tmp_path).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    with torch.no_grad():
        first = model(**tokenizer(TEXTS[0], return_tensors="pt")).last_hidden_state[0, 0]
    (found,) = SentenceEncoder(tmp_path)(TEXTS[:1])
    numpy.testing.assert_allclose(found, (first / first.norm()).numpy(), atol=2e-5)
    assert found @ encoder(TEXTS[:1])[0] < 0.99


def test_lone_surrogates_are_replaced(encoder: SentenceEncoder):
    assert encoder.tokenise(["a\ud800b"]) == encoder.tokenise(["a?b"])


def test_long_texts_are_cut(encoder: SentenceEncoder):
    long, longer = encoder(["word " * 400, "word " * 500])
    numpy.testing.assert_allclose(long, longer, atol=1e-6)


def test_once_warm_it_compiles_nothing_and_holds_its_weights_once(monkeypatch):
    monkeypatch.setattr(sentence_encoder, "LENGTHS", (16,))
    session = Session()
    with session.entered():
        encoder = SentenceEncoder(find_encoder())
        encoder.warm_up()
        executor = session.compiled("cpu")
        plans, live = len(executor.plans), executor.device.allocator.statistics().live
        for count in (1, 2, 5, 9, 16, 21):
            encoder(["word " * number for number in range(1, count + 1)])
        assert len(executor.plans) == plans
        assert executor.device.allocator.statistics().live <= live < 60 << 20


def test_texts_at_once_have_few_tokens_but_come_in_any_number():
    for lengths in ([3] * 40, [10] * 17 + [40] * 5, [100] * 30, [500] * 3, [1], [60, 400]):
        left = sorted(lengths)
        while left:
            count = sentence_encoder._count_together(left)
            tokens = count * sentence_encoder._fill_up(left[count - 1])
            assert count in sentence_encoder.COUNTS
            assert count == 1 or tokens <= sentence_encoder.MOST_TOKENS
            left = left[count:]


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        SentenceEncoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(DataError, match="another than those that are known"):
        SentenceEncoder(tmp_path)
