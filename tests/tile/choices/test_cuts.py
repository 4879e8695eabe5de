"""Axes cut where a condition changes: concatenation, padding, rolling."""

from __future__ import annotations

import numpy
import pytest

from tests.tile.comparison import (
    assert_exact,
    compute,
    each_target,
    whole,
)
from tilegrad import Tensor


@each_target
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_concatenation(target, axis):
    parts = []
    for number, size in enumerate((3, 40, 17)):
        shape = [5, 6, 33]
        shape[axis] = size
        parts.append(whole(*shape, seed=number))
    first, *others = map(Tensor, parts)
    (found,) = compute(target, first.cat(*others, dim=axis) + 1)
    assert_exact(found, numpy.concatenate(parts, axis) + 1)


@each_target
@pytest.mark.parametrize("sizes", [(1,), (4000, 5000), (1, 9000), (64, 64), (5, 7)])
def test_concatenation_of_vectors(target, sizes):
    parts = [whole(size, seed=size) for size in sizes]
    (found,) = compute(target, Tensor(whole(100)).cat(*map(Tensor, parts)))
    assert_exact(found, numpy.concatenate([whole(100), *parts]))


@each_target
def test_padding_and_rolling(target):
    x = whole(9, 50)
    (found,) = compute(target, Tensor(x).pad(((1, 2), (40, 3))) * 2)
    assert_exact(found, numpy.pad(x, ((1, 2), (40, 3))) * 2)
    (found,) = compute(target, Tensor(x).roll((4, 17), (0, 1)))
    assert_exact(found, numpy.roll(x, (4, 17), (0, 1)))


@each_target
def test_a_row_that_is_set(target):
    x = whole(20, 30)
    row = Tensor.arange(20).reshape(20, 1) == 7
    (found,) = compute(target, row.where(Tensor(numpy.float32(5)), Tensor(x)))
    x[7] = 5
    assert_exact(found, x)
