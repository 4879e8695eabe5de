"""Inference: a whole network forward, its weights belonging to the captured function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cases.case import Case, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array
from benchmarks.networks import encoder, resnet

LENGTHS = (16, 128)


def resnet_forward(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    parameters = library.arrays(resnet.make_parameters(generator))
    images = library.array(generator.standard_normal((1, 3, 224, 224), np.float32))
    run = library.capture(lambda x: resnet.forward(library, parameters, x))
    return lambda: run(images)


def encode_text(length: int) -> Callable[[Library], Callable[[], Array]]:
    def prepare(library: Library) -> Callable[[], Array]:
        generator = make_generator()
        parameters = library.arrays(encoder.make_parameters(generator))
        tokens = library.array(generator.integers(0, encoder.VOCABULARY, (1, length)))
        run = library.capture(lambda x: encoder.forward(library, parameters, x, length))
        return lambda: run(tokens)

    return prepare


CASES = (
    Case("infer-resnet", "inference", "ResNet-50, one image of 224²", resnet_forward),
    *(
        Case(
            f"infer-encoder-{length}",
            "inference",
            f"sentence encoder of MiniLM's sizes, {length} tokens",
            encode_text(length),
        )
        for length in LENGTHS
    ),
)
