"""What compiling takes, with nothing in the caches on disk and with all of it there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cases.case import Case, Kind, make_generator
from benchmarks.cases.training import CONVNET_TITLE, convnet_step
from benchmarks.libraries import Library
from benchmarks.libraries.library import Array
from benchmarks.networks import resnet


def resnet_forward(library: Library) -> Callable[[], Array]:
    generator = make_generator()
    parameters = library.arrays(resnet.make_parameters(generator))
    images = library.array(generator.standard_normal((1, 3, 224, 224), np.float32))
    run = library.capture(lambda x: resnet.forward(library, parameters, x))
    return lambda: run(images)


CASES = (
    Case("compile-resnet", "compile", "ResNet-50 forward", resnet_forward, Kind.COMPILE),
    Case("compile-convnet", "compile", CONVNET_TITLE, convnet_step, Kind.COMPILE, is_quick=True),
    Case(
        "first-convnet",
        "compile",
        f"first {CONVNET_TITLE}",
        convnet_step,
        Kind.FIRST,
        is_quick=True,
    ),
)
