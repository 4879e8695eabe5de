"""Transposes by tiles over two axes, by NumPy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.comparison import (
    assert_exact,
    compute,
    each_target,
    on_cpu,
    whole,
)
from tests.tile.plans import run
from tilegrad import Tensor
from tilegrad.ops.movement import permute_axes


@each_target
@pytest.mark.parametrize("shape", [(16, 32), (33, 70), (5, 3), (3, 40), (40, 3), (1, 9)])
def test_transposes(target, shape):
    x, y = whole(*shape), whole(*shape[::-1], seed=1)
    (found,) = compute(target, Tensor(x).T * 2 + Tensor(y))
    assert_exact(found, x.T * 2 + y)


@each_target
@given(order=st.permutations(range(4)))
@settings(max_examples=12)
def test_any_permutation(target, order):
    x = whole(3, 17, 6, 20)
    (found,) = run([permute_axes(on_cpu(x), tuple(order)) + 1], target)
    assert_exact(found, x.transpose(order) + 1)
