from __future__ import annotations

import numpy
import pytest

from tests.ops.building import Arrays
from tilegrad.base.errors import ArgumentError, DTypeError, OutOfRangeError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.graph import (
    CallAttributes,
    CopyAttributes,
    ResultAttributes,
    assign,
    call,
    copy,
    detach,
    find_device,
    result,
)
from tilegrad.ops.leaves import constant
from tilegrad.tensor.autodiff import gradients


def test_assign_gives_the_value_and_writes_nothing():
    arrays = Arrays()
    x, y = arrays.leaf([1.0, 2.0]), arrays.leaf([3.0, 4.0])
    assert arrays.value(assign(x, y)).tolist() == [3.0, 4.0]
    assert arrays.contents[x].tolist() == [1.0, 2.0]


def test_assign_checks_its_target():
    arrays = Arrays()
    x = arrays.leaf([1.0, 2.0])
    with pytest.raises(ArgumentError, match="only a realised tensor"):
        assign(x + 1, x)
    with pytest.raises(DTypeError):
        assign(x, arrays.leaf([1, 2]))
    with pytest.raises(ShapeError):
        assign(x, arrays.leaf([1.0]))


def test_detach_stops_gradients():
    arrays = Arrays()
    x, up = arrays.leaf([1.0, 2.0]), arrays.leaf([1.0, 1.0])
    (gradient,) = gradients([detach(x) * x], [x], [up])
    assert gradient is not None
    assert arrays.value(gradient).tolist() == [1.0, 2.0]


def test_the_gradient_of_a_copy_goes_back():
    arrays = Arrays()
    x, up = arrays.leaf([1.0, 2.0]), arrays.leaf([1.0, 1.0])
    there = copy(x * 2, attributes=CopyAttributes("elsewhere"))
    assert find_device(there + 1) == "elsewhere"
    assert find_device(x + 1) == "reference"
    assert find_device(constant(1, dtypes.int8) + 1) is None
    (gradient,) = gradients([there], [x], [up])
    assert gradient is not None
    assert find_device(gradient) == "reference"
    assert arrays.value(gradient).tolist() == [2.0, 2.0]


def test_results_of_calls():
    x = Arrays().leaf(numpy.zeros(3))
    node = call(x, attributes=CallAttributes("program", ((dtypes.int8, (2,)),)))
    assert node.dtype is dtypes.void
    first = result(node, attributes=ResultAttributes(0))
    assert (first.dtype, first.shape) == (dtypes.int8, (2,))
    with pytest.raises(OutOfRangeError, match="no such result"):
        result(node, attributes=ResultAttributes(1))
