import math

import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

functional = torch.nn.functional


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("sizes", [(6,), (5, 6)])
def test_layer_and_rms_norm_are_those_of_torch(dtype, sizes):
    x = random_array((4, 5, 6), dtype)
    w, b = random_array(sizes, dtype, seed=1), random_array(sizes, dtype, seed=2)
    tolerance = 1e-5 if dtype.bits == 32 else None
    wide = [to_torch(array).double() for array in (x, w, b)]
    expected = functional.layer_norm(wide[0], sizes, wide[1], wide[2])
    found = Tensor(x).layer_norm(sizes, Tensor(w), Tensor(b))
    check(found, expected.to(to_torch(x).dtype), tolerance=tolerance)
    expected = functional.rms_norm(wide[0], sizes, wide[1], 1e-6)
    found = Tensor(x).rms_norm(sizes, Tensor(w), 1e-6)
    check(found, expected.to(to_torch(x).dtype), tolerance=tolerance)


def test_layernorm_over_chosen_axes():
    x = random_array((4, 5, 6))
    mean, variance = x.mean((0, 2), keepdims=True), x.var((0, 2), keepdims=True)
    expected = (x - mean) / numpy.sqrt(variance + 1e-5)
    check(Tensor(x).layernorm((0, 2)), expected, tolerance=1e-5)
    with pytest.raises(ShapeError, match="end in the sizes"):
        Tensor(x).layer_norm((5,))


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_and_instance_norm_are_those_of_torch(groups):
    x, w, b = random_array((2, 6, 4, 5)), random_array((6,)), random_array((6,), seed=1)
    expected = functional.group_norm(to_torch(x), groups, to_torch(w), to_torch(b))
    check(Tensor(x).group_norm(groups, Tensor(w), Tensor(b)), expected, tolerance=1e-5)
    expected = functional.instance_norm(to_torch(x), weight=to_torch(w), bias=to_torch(b))
    check(Tensor(x).instance_norm(Tensor(w), Tensor(b)), expected, tolerance=1e-5)
    with pytest.raises(ShapeError, match="4 groups"):
        Tensor(x).group_norm(4)


def test_batch_norm_is_that_of_torch():
    x, w, b = random_array((4, 6, 3, 5)), random_array((6,)), random_array((6,), seed=1)
    mean, variance = random_array((6,), seed=2), numpy.abs(random_array((6,), seed=3))
    given = [to_torch(array) for array in (x, mean, variance, w, b)]
    mine = [Tensor(array) for array in (x, mean, variance, w, b)]
    check(mine[0].batch_norm(*mine[1:]), functional.batch_norm(*given), tolerance=1e-5)
    expected = functional.batch_norm(given[0], None, None, given[3], given[4], training=True)
    found = mine[0].batch_norm(weight=mine[3], bias=mine[4], training=True)
    check(found, expected, tolerance=1e-5)
    scale = (mine[2] + 1e-5).rsqrt()
    found = mine[0].batchnorm(mine[3], mine[4], mine[1], scale)
    check(found, functional.batch_norm(*given), tolerance=1e-5)
    with pytest.raises(ArgumentError, match="running statistics"):
        mine[0].batch_norm()
    with pytest.raises(ShapeError, match="channels"):
        mine[0].batch_norm(mine[1], mine[2], Tensor.ones(5))


@pytest.mark.parametrize("size", [3, 4])
def test_response_norm_is_that_of_torch(size):
    x = random_array((2, 7, 4))
    expected = functional.local_response_norm(to_torch(x), size, 0.1, 0.5, 2.0)
    check(Tensor(x).local_response_norm(size, 0.1, 0.5, 2.0), expected, tolerance=1e-5)


@pytest.mark.parametrize("order", [0, 1, 2, 3.5, math.inf, -math.inf])
def test_vector_norms_are_those_of_torch(order):
    x = random_array((3, 4, 5))
    for axis in (0, (1, 2)):
        expected = torch.linalg.vector_norm(to_torch(x), order, axis, keepdim=True)
        check(Tensor(x).norm(order, axis, keepdim=True), expected, tolerance=1e-5)
    if order > 0:
        expected = functional.normalize(to_torch(x), order, 1)
        check(Tensor(x).normalize(order, 1), expected, tolerance=1e-5)


def test_cosines():
    x, y = random_array((3, 4)), random_array((3, 4), seed=1)
    expected = functional.cosine_similarity(to_torch(x), to_torch(y), 1)
    check(Tensor(x).cosine_similarity(Tensor(y)), expected, tolerance=1e-5)
    assert Tensor(x, dtype=dtypes.float16).norm().dtype is dtypes.float16
