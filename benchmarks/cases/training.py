"""Training steps: forward, backward and Adam, captured."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases.case import Case, Kind, make_generator
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array
from benchmarks.networks import convnet, gpt, resnet18

BATCH = 64
GPT = gpt.Size(width=384, heads=6, layers=6)
IMAGES, SIDE = 32, 64


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


def resnet_step(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    parameters = library.arrays(resnet18.make_parameters(generator))
    batch = [library.array(values) for values in resnet18.make_batch(generator, IMAGES, SIDE)]
    step = library.training_step(resnet18.loss, parameters, 1e-4)
    return lambda: step(*batch)


CONVNET_TITLE = f"training step of the digits convnet, batch {BATCH}"
GPT_TITLE = f"training step of a GPT, {GPT.layers} layers of {GPT.width}, {GPT.batch}×{GPT.length}"
RESNET_TITLE = f"training step of ResNet-18, {IMAGES} images of {SIDE}²"
STEPS = (
    ("convnet", CONVNET_TITLE, convnet_step),
    ("gpt", GPT_TITLE, gpt_step),
    ("resnet", RESNET_TITLE, resnet_step),
)
CASES = tuple(
    Case(f"train-{name}", "training", title, step, is_quick=name == "convnet")
    for name, title, step in STEPS
)
MEMORY = tuple(
    Case(f"memory-{name}", "memory", title, step, Kind.MEMORY, is_quick=name == "convnet")
    for name, title, step in STEPS
)
