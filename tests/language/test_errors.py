"""What mistakes in kernels say, at the line that made them: a golden text."""

import re

import numpy
import pytest

from tilegrad import Tensor, dtypes, kernel
from tilegrad import language as tl
from tilegrad.base.errors import TilegradError

X = numpy.zeros((4, 6), numpy.float32)

MISTAKES = [
    lambda _, x: x[0, :] + x[:, 0],
    lambda _, x: x[0, :] + x[0, :].cast(dtypes.float16),
    lambda _, x: x[0, :] + "1",
    lambda _, x: x[0, :] + tl.arange(6),
    lambda _, x: x[4, :],
    lambda _, x: x[0, 0, 0],
    lambda _, x: x[0.5],
    lambda _, x: x[0, ::2],
    lambda _, x: x[0, 0 : x[0, 0].cast(dtypes.int32)],
    lambda _, x: x.load((0, slice(None)), mask=tl.arange(4) < 2),
    lambda _, x: x.load(0, mask=True),
    lambda _, x: x.store((0, slice(None)), 1.0),
    lambda build, x: build.output((4, 6), x.dtype).store(0, x[:, 0]),
    lambda build, x: build.output((4, 6), x.dtype).store(0, x[0].cast(dtypes.int32)),
    lambda _, x: x[0].sum(1),
    lambda _, x: x[0].reshape(4),
    lambda _, x: x[0].reshape(x[0, 0]),
    lambda _, x: x[0][2],
    lambda _, x: 1 if x[0, 0] > 0 else 2,
    lambda _, x: list(x[0]),
    lambda _, x: tl.dot(x[:, :], x[:, :]),
    lambda _, __: tl.zeros((1024, 1024)),
    lambda _, __: tl.zeros((4, 0)),
    lambda _, __: tl.exp(tl.arange(4)),
    lambda _, __: tl.look_up(tl.arange(4), (1, 2, 3)),
    lambda _, x: tl.look_up(x[0], (1, 2)),
    lambda _, __: tl.look_up(tl.arange(4), (1, "2")),
    lambda build, _: build.loop(4, total=0.0),
    lambda build, x: build.loop(4, index=x[0]),
    lambda build, x: setattr(build.loop(4, total=x[0]), "sum", 1),
    lambda build, x: setattr(build.loop(4, total=x[0]), "total", x[0, 0]),
    lambda build, x: build.loop(4, both=(x[0], 1.0)),
    lambda build, x: setattr(build.loop(4, both=(x[0], x[1])), "both", x[0]),
    lambda build, x: build.when(x[0] > 0),
    lambda build, x: build.output((), x.dtype).store((), enter(build.loop(4), x)),
    lambda _, x: x + 1,
    lambda _, x: tl.exp(x),
    lambda build, x: x[0] * build.grid(6, 6),
    lambda _, x: range(x[0, 0].cast(dtypes.int32)),
    lambda build, _: list(build.loop(4)),
    lambda _, x: numpy.exp(x[0]),
    lambda build, x: build.output(x.shape, "float32"),
    lambda build, _: build.grid(4.5),
    lambda _, __: tl.choice(),
    lambda build, _: build.output(4, dtypes.bfloat16).atomic_add(0, 1.0),
    lambda build, x: build.output(4, x.dtype).atomic_max(0, x[0]),
    lambda build, x: build.output(4, x.dtype).atomic_exchange(0, x[0, 0].cast(dtypes.int32)),
    lambda _, x: x.atomic_min(0, 1.0),
    lambda _, x: x[0],
    lambda build, x: (build.output(4, x.dtype), None)[1],
    lambda build, x: (build.loop(4).__enter__(), build.output(4, x.dtype))[1],
]


def enter(loop, x):
    """Return a tile of a round of a loop."""
    with loop:
        return x[0, loop.index]


LATE = 3
"""So many mistakes, the last ones, are those of the whole function: the call is the line."""


def call(mistake):
    kernel(mistake)(Tensor(X))


def test_messages(golden):
    texts = []
    for number, mistake in enumerate(MISTAKES):
        with pytest.raises(TilegradError) as caught:
            call(mistake)
        text = str(caught.value)
        is_late = number >= len(MISTAKES) - LATE
        line = call.__code__.co_firstlineno + 1 if is_late else mistake.__code__.co_firstlineno
        assert text.endswith(f"at: {__file__}:{line}")
        texts.append(re.sub(r"  at: .*", "  at: the user's line", text))
    golden("errors.txt", "\n\n".join(texts) + "\n")
