"""Sequences decoded side by side give what each gives alone, whatever else is in memory."""

from __future__ import annotations

import dataclasses
import os

import numpy
import pytest

from tests.apps.generation.tiny_model import TOKENS, Sizes, TinyModel
from tilegrad import dtypes
from tilegrad.apps.generation import Decoder, Sequence
from tilegrad.base.errors import ArgumentError, OutOfMemoryError
from tilegrad.base.events import KernelCompiled
from tilegrad.base.settings import Settings
from tilegrad.base.trace import Recording, Trace
from tilegrad.engine import Session

FULL, SLIDING = Sizes(), Sizes(windows=(9, 40))


def read(decoder: Decoder, text: list[int]) -> tuple[Sequence, numpy.ndarray]:
    sequence = decoder.open(text)
    while (logits := decoder.read(sequence)) is None:
        pass
    return sequence, logits


def check(model: TinyModel, sequence: Sequence, logits: numpy.ndarray) -> None:
    expected = model.expected(sequence.tokens)
    numpy.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


def test_logits_are_those_of_each_sequence_alone():
    model = TinyModel(SLIDING)
    decoder = Decoder(model, context=200, sequences=2, pages=5, dtype=dtypes.float32)
    random = numpy.random.default_rng(1)
    base = random.integers(0, TOKENS, 150).tolist()
    shared = 0
    for _ in range(4):  # more than there are pages for: some are forgotten
        opened = []
        for _ in range(int(random.integers(1, 3))):
            text = base[: random.integers(1, 100)] + random.integers(0, TOKENS, 5).tolist()
            sequence, logits = read(decoder, text)
            shared += sequence.known
            check(model, sequence, logits)
            opened.append(sequence)
        for _ in range(6):
            some = [one for one in opened if random.random() < 0.8] or opened
            found = decoder.step({one: int(random.integers(TOKENS)) for one in some})
            assert found.keys() == set(some)
            for sequence, logits in found.items():
                check(model, sequence, logits)
        for sequence in opened:
            decoder.close(sequence)
    assert shared
    assert decoder.used_pages == 0


def test_logits_are_to_the_bit_what_they_are_alone():
    random = numpy.random.default_rng(2)
    texts = [random.integers(0, TOKENS, length).tolist() for length in (150, 3, 65, 130)]
    texts[2] = texts[0][:64] + texts[2]
    added = random.integers(0, TOKENS, 30).tolist()
    alone = []
    for text in texts:
        decoder = Decoder(TinyModel(FULL), context=200, sequences=4)
        sequence, logits = read(decoder, text)
        alone.append([logits, *(decoder.step({sequence: token})[sequence] for token in added)])
    decoder.close(sequence)
    opened = [read(decoder, text) for text in texts]
    assert [sequence.known for sequence, _ in opened] == [0, 0, 64, 128]
    found = [[logits] for _, logits in opened]
    for token in added:
        step = decoder.step({sequence: token for sequence, _ in opened})
        for number, (sequence, _) in enumerate(opened):
            found[number].append(step[sequence])
    numpy.testing.assert_array_equal(found, alone)
    # Pages of steps are not shared: chunks would have filled them with other bits.
    decoder.close(opened[2][0])
    assert decoder.open(texts[2] + added).known == 128


def test_what_was_added_can_be_shared():
    decoder = Decoder(TinyModel(FULL), context=200, shares_replies=True)
    sequence, _ = read(decoder, [1] * 60)
    for _ in range(30):
        decoder.step({sequence: 2})
    text = [*sequence.tokens, 3]
    decoder.close(sequence)
    sequence, logits = read(decoder, text)
    assert sequence.known == 90
    numpy.testing.assert_allclose(logits, TinyModel(FULL).expected(text), rtol=0.01, atol=0.02)


def test_narrow_memory_gives_close_logits():
    model = TinyModel(FULL)
    sequence, logits = read(Decoder(model, context=64), list(range(TOKENS)) * 2)
    numpy.testing.assert_allclose(logits, model.expected(sequence.tokens), rtol=0.01, atol=0.02)


def test_what_no_window_sees_takes_no_memory():
    model = TinyModel(SLIDING)
    decoder = Decoder(model, context=200, sequences=2, pages=5, dtype=dtypes.float32)
    sequence, logits = read(decoder, [3] * 90)
    while decoder.room(sequence):
        logits = decoder.step({sequence: len(sequence.tokens) % TOKENS})[sequence]
        assert decoder.used_pages <= 2
    assert len(sequence.tokens) == 200
    check(model, sequence, logits)


def test_memory_that_is_full_is_refused_and_nothing_changes():
    model = TinyModel(FULL)
    decoder = Decoder(model, context=200, sequences=3, pages=3, dtype=dtypes.float32)
    first, _ = read(decoder, [1] * 64)
    second, _ = read(decoder, [2] * 64)
    with pytest.raises(OutOfMemoryError, match="no page"):
        decoder.open([1] * 193)
    assert (decoder.free_pages, decoder.room(first), decoder.room(second)) == (1, 64, 64)
    with pytest.raises(OutOfMemoryError, match="no page"):
        decoder.step({first: 5, second: 5})
    assert (first.position, len(first.tokens), decoder.free_pages) == (64, 64, 1)
    check(model, first, decoder.step({first: 5})[first])
    assert decoder.room(second) == 0
    decoder.close(first)
    check(model, second, decoder.step({second: 5})[second])


def test_what_makes_no_sense_is_refused():
    decoder = Decoder(TinyModel(FULL), context=40)
    with pytest.raises(ArgumentError, match="tokens to go on from"):
        decoder.open([])
    with pytest.raises(ArgumentError, match="does not fit"):
        decoder.open([1] * 41)
    sequence = decoder.open([1] * 40)
    with pytest.raises(OutOfMemoryError, match="no more sequences"):
        decoder.open([1])
    with pytest.raises(ArgumentError, match="not been read"):
        decoder.step({sequence: 1})
    while decoder.read(sequence) is None:
        pass
    with pytest.raises(ArgumentError, match="has been read"):
        decoder.read(sequence)
    with pytest.raises(ArgumentError, match="context is full"):
        decoder.step({sequence: 1})
    decoder.close(sequence)
    with pytest.raises(ArgumentError, match="not open"):
        decoder.close(sequence)
    for wrong in ({"context": 0}, {"context": 201}, {"context": 8, "sequences": 0}):
        with pytest.raises(ArgumentError):
            Decoder(TinyModel(FULL), **wrong)


def test_nothing_is_compiled_after_the_warm_up():
    recording = Recording()
    settings = dataclasses.replace(Settings.from_environment(os.environ))
    with Session(settings, Trace(recording)).entered():
        decoder = Decoder(TinyModel(FULL), context=200, sequences=2)
        decoder.warm_up()

        def count() -> int:
            return sum(isinstance(entry.event, KernelCompiled) for entry in recording.entries)

        before = count()
        assert before
        opened = [read(decoder, [number] * 70)[0] for number in range(2)]
        for size in (1, 2):
            decoder.step(dict.fromkeys(opened[:size], 1))
        assert count() == before
