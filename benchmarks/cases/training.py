"""Training steps: forward, backward and Adam, captured."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases.case import Case, Kind, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array
from benchmarks.networks import convnet, gpt

BATCH = 64
GPT = gpt.Size()


def convnet_step(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    parameters = library.arrays(convnet.make_parameters(generator))
    batch = [library.array(values) for values in convnet.make_batch(generator, BATCH)]
    step = library.training_step(convnet.loss, parameters, 1e-3)
    return lambda: step(*batch)


def gpt_step(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    parameters = library.arrays(gpt.make_parameters(GPT, generator))
    batch = [library.array(values) for values in gpt.make_batch(GPT, generator)]
    step = library.training_step(gpt.make_loss(GPT), parameters, 1e-4)
    return lambda: step(*batch)


CONVNET_TITLE = f"training step of the digits convnet, batch {BATCH}"
GPT_TITLE = f"training step of a GPT, {GPT.layers} layers of {GPT.width}, {GPT.batch}×{GPT.length}"
CASES = (
    Case("train-convnet", "speed", CONVNET_TITLE, convnet_step, is_quick=True),
    Case("train-gpt", "speed", GPT_TITLE, gpt_step),
)
MEMORY = (
    Case("memory-convnet", "memory", CONVNET_TITLE, convnet_step, Kind.MEMORY, is_quick=True),
    Case("memory-gpt", "memory", GPT_TITLE, gpt_step, Kind.MEMORY),
)
