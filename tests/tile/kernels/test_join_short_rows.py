"""Short rows become one axis: which kernels it is done for, and results against NumPy."""

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor
from tilegrad.base.trace import Trace
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import make_plan
from tilegrad.engine.programs import Programs
from tilegrad.tile.kernels.join_short_rows import join_short_rows
from tilegrad.tile.target import TileTarget

COUNT = 200


def is_joined(result: Tensor) -> bool:
    """Whether the one kernel of a result has its rows joined."""
    nodes = [result.node]
    plan = make_plan(nodes, key_of(nodes).buffers, Programs(TileTarget()), Trace())
    ((step,),) = plan.groups
    assert step.program.kernel is not None
    return join_short_rows(step.program.kernel) is not step.program.kernel


@pytest.mark.parametrize(
    ("length", "width", "expected"),
    [(3, 9, True), (3, 3, False), (5, 7, True), (2, 8, False), (3, 16, False), (9, 12, False)],
    ids=["parts", "whole rows", "five of seven", "far apart", "farther apart", "long rows"],
)
def test_which_rows(length, width, expected):
    x = Tensor(numpy.zeros((COUNT, width), "f4"))
    assert is_joined(x[:, :length] * 2) == expected


def test_turned_rows_are_not_joined():
    x = Tensor(numpy.zeros((3, COUNT), "f4"))
    assert not is_joined(x.transpose(0, 1) + 1)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_parts_of_rows(data):
    """Sums of parts of rows of one tensor, and of whole rows of another one, of some dtype."""
    length = data.draw(st.integers(2, 8))
    width = data.draw(st.integers(length, 3 * length))
    count = data.draw(st.integers(1, 400))
    starts = data.draw(st.lists(st.integers(0, width - length), min_size=1, max_size=3))
    dtype = data.draw(st.sampled_from(["float32", "int16", "uint8", "float64"]))
    generator = numpy.random.default_rng(length * width + count)
    x = generator.integers(0, 50, (count, width)).astype(dtype)
    y = generator.integers(0, 50, (count, length)).astype(dtype)
    total, expected = Tensor(y), y
    for start in starts:
        part = slice(start, start + length)
        total, expected = total + Tensor(x)[:, part], expected + x[:, part]
    if data.draw(st.booleans()):
        total, expected = total.flip(1), expected[:, ::-1]
    numpy.testing.assert_array_equal(total.numpy(), expected)
