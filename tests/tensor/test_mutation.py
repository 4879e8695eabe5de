"""Tensors of one memory that are written together keep values of their own."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilegrad import Tensor, jit

ALIASES = (Tensor.detach, lambda tensor: tensor.reshape(4, 3), lambda tensor: tensor[:])
steps = st.lists(
    st.tuples(
        st.sampled_from(["alias", "add", "assign", "row", "flip", "realize", "call"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(steps)
@settings(max_examples=60)
def test_what_is_written_is_seen_by_no_other_tensor(steps):
    captured = jit(lambda x, y: (x + y).contiguous())
    arrays = [numpy.arange(12, dtype=numpy.float32).reshape(4, 3) + 20 * n for n in range(2)]
    tensors = [Tensor(array.copy()).realize() for array in arrays]
    for kind, first, second in steps:
        one, other = first % len(tensors), second % len(tensors)
        x, y, a, b = tensors[one], tensors[other], arrays[one], arrays[other]
        if kind == "alias":
            tensors.append(ALIASES[second % 3](x))
            arrays.append(a)
        elif kind == "add":
            x += y
            arrays[one] = a + b
        elif kind == "assign":
            x.assign(y)
            arrays[one] = b
        elif kind == "row":
            x[second] = 7
            arrays[one] = numpy.where(numpy.arange(4)[:, None] == second, 7, a)
        elif kind == "flip":
            x.assign(y.flip(0))
            arrays[one] = b[::-1]
        elif kind == "realize":
            Tensor.realize(x, y)
        else:
            numpy.testing.assert_array_equal(captured(x, y).numpy(), a + b)
    Tensor.realize(*tensors)
    for tensor, array in zip(tensors, arrays, strict=True):
        numpy.testing.assert_array_equal(tensor.numpy(), array)


@pytest.mark.parametrize("alias", ALIASES, ids=["detached", "reshaped", "whole"])
def test_both_of_one_memory_are_written(alias):
    values = numpy.arange(12, dtype=numpy.float32).reshape(4, 3)
    tensor = Tensor(values).realize()
    other = alias(tensor)
    tensor[1] = 0
    other *= 3
    Tensor.realize(other, tensor)
    assert other.tolist() == (3 * values).tolist()
    assert tensor.sum(1).tolist() == [3, 0, 21, 30]
