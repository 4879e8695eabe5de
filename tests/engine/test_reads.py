"""What launches of a captured step are told of what the next ones read."""

from __future__ import annotations

import numpy

from tilegrad import Tensor, dtypes, jit, kernel
from tilegrad.engine import current_session
from tilegrad.engine.reads import LONG_READ
from tilegrad.engine.storage import memory_of, storage_of

ROWS = LONG_READ // 4 // 64


@kernel
def add_rows(build, weights, x):
    """Return x and the sum of the weights' rows; the last numbers ask for the next weights."""
    out = build.output(x.shape, dtypes.float32)
    weights.fetch(weights.size + build.following(weights) // 4, 16)
    out[...] = x[...] + weights[...].sum(0)
    return out


def test_each_launch_knows_where_the_next_constant_lies() -> None:
    generator = numpy.random.default_rng(0)
    numbers = [generator.standard_normal((ROWS, 64), numpy.float32) for _ in range(3)]
    weights = [Tensor(one).realize() for one in numbers]

    @jit
    def add(x: Tensor) -> Tensor:
        for one in weights:
            x = add_rows(one, x)
        return x

    x = numpy.ones(64, numpy.float32)
    for _ in range(4):
        found = add(Tensor(x))
    expected = x + sum(one.sum(0) for one in numbers)
    numpy.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-3)
    executor = current_session().compiled("cpu")
    assert executor is not None
    (step,) = (one for one in add.captured if len(one.launches) == 3)
    places = [memory_of(storage_of(one.node)) for one in weights]
    told = []
    for number, launched in enumerate(step.launches):
        (following,) = launched.step.program.program.following
        told.append(step.recording.arguments[step.recording.place_of(number, following.scalar)])
    ends = [one.address + one.nbytes for one in places]
    starts = [one.address for one in (*places[1:], places[0])]
    assert told == [start - end for start, end in zip(starts, ends, strict=True)]
