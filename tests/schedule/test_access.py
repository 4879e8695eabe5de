"""The index rule of every movement op against its NumPy reference, element by element."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.schedule.indices import value_at
from tilegrad.base.errors import CompileError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, movement, windows
from tilegrad.ops.leaves import BufferAttributes, Storage, SymbolAttributes, buffer, symbol
from tilegrad.schedule.access import (
    flatten,
    is_movement,
    read_broadcast,
    read_movement,
    read_reshape,
    unflatten,
)
from tilegrad.schedule.axes import identity_indices

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def leaf(*shape: int) -> Node:
    storage = Storage("reference", dtypes.int64, math.prod(shape))
    return buffer(attributes=BufferAttributes(storage, shape, 0))


def check(node: Node) -> None:
    """Read every element of a movement op's result where its index rule says."""
    (source,) = node.sources
    shape = tuple(int(size) for size in source.shape)
    x = numpy.arange(1, math.prod(shape) + 1).reshape(shape)
    expected = node.op.reference(x, node.attributes)  # type: ignore[misc]
    axes = identity_indices(node.shape)
    read = read_movement(node, axes)
    for place in numpy.ndindex(expected.shape):
        values = {axis: position for axis, position in zip(axes, place, strict=True) if axis != 0}
        found = 0
        if value_at(read.condition, values):
            at = tuple(value_at(index, values) for index in read.indices)
            assert all(0 <= i < size for i, size in zip(at, shape, strict=True)), (node, place, at)
            found = x[at]
        assert found == expected[place], (node, place)


@given(SHAPES, st.data())
def test_reshape(shape, data):
    factors = [n for size in shape for n in _prime_factors(size)]
    order = data.draw(st.permutations(factors))
    target: list[int] = []
    for factor in order:
        if target and data.draw(st.booleans()):
            target[-1] *= factor
        else:
            target.append(factor)
    for _ in range(data.draw(st.integers(0, 2))):
        target.insert(data.draw(st.integers(0, len(target))), 1)
    node = movement.reshape(leaf(*shape), attributes=movement.ReshapeAttributes(tuple(target)))
    check(node)


def _prime_factors(number: int) -> list[int]:
    for divisor in range(2, number + 1):
        if number % divisor == 0:
            return [divisor, *_prime_factors(number // divisor)]
    return []


@given(SHAPES, st.data())
def test_permute(shape, data):
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    check(movement.permute(leaf(*shape), attributes=movement.PermuteAttributes(order)))


@given(SHAPES, st.data())
def test_expand(shape, data):
    target = tuple(data.draw(st.integers(1, 4)) if size == 1 else size for size in shape)
    check(movement.expand(leaf(*shape), attributes=movement.ExpandAttributes(target)))


@given(SHAPES, st.data())
def test_pad(shape, data):
    pairs = tuple((data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))) for _ in shape)
    check(movement.pad(leaf(*shape), attributes=movement.PadAttributes(pairs)))


@given(SHAPES, st.data())
def test_shrink(shape, data):
    bounds = []
    for size in shape:
        start = data.draw(st.integers(0, size))
        bounds.append((start, data.draw(st.integers(start, size))))
    check(movement.shrink(leaf(*shape), attributes=movement.ShrinkAttributes(tuple(bounds))))


@given(SHAPES, st.data())
def test_flip(shape, data):
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(shape) - 1)))))
    check(movement.flip(leaf(*shape), attributes=movement.FlipAttributes(axes)))


@given(st.data())
def test_slide_and_unslide(data):
    stride, dilation = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 3))
    steps, samples = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    extent = (samples - 1) * stride + (steps - 1) * dilation + 1 + data.draw(st.integers(0, 4))
    axis, along = data.draw(st.sampled_from([(0, 1), (1, 0)]))
    shape = (extent, steps) if axis == 0 else (steps, extent)
    sampled = (samples, steps) if axis == 0 else (steps, samples)
    there = windows.SlideAttributes(axis, along, samples, stride, dilation)
    back = windows.UnslideAttributes(axis, along, extent, stride, dilation)
    check(windows.slide(leaf(*shape), attributes=there))
    check(windows.unslide(leaf(*sampled), attributes=back))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 4])
def test_strided_slices(stride, size):
    extent = 10
    there = windows.SlideAttributes(0, None, size, stride, 0)
    back = windows.UnslideAttributes(0, None, extent, stride, 0)
    check(windows.slide(leaf(extent, 2), attributes=there))
    check(windows.unslide(leaf(size, 2), attributes=back))


@given(SHAPES)
def test_flatten_and_unflatten_undo_each_other(shape):
    axes = identity_indices(shape)
    position = flatten(axes, shape)
    assert unflatten(position, shape) == axes
    for place in numpy.ndindex(shape):
        values = {axis: at for axis, at in zip(axes, place, strict=True) if axis != 0}
        assert value_at(position, values) == numpy.ravel_multi_index(place, shape)


def test_a_reshape_leaves_axes_alone_that_it_does_not_touch():
    axes = identity_indices((3, 4, 5))
    assert read_reshape((3, 4, 5), (3, 1, 4, 5), axes) == (axes[0], 0, axes[1], axes[2])
    assert read_reshape((3, 4, 5), (3, 20), axes)[0] is axes[0]


def test_a_reshape_of_a_symbolic_size():
    n = symbol(attributes=SymbolAttributes("n", 1, 9))
    axes = identity_indices((n, 6))
    assert read_reshape((n, 6), (n, 2, 3), axes)[0] is axes[0]
    flat = read_reshape((n, 6), (n * 6,), axes)
    assert flat == (flatten(axes, (n, 6)),)


def test_a_broadcast_source_is_read_at_zero():
    axes = identity_indices((3, 4))
    assert read_broadcast(leaf(1, 4), axes) == (0, axes[1])
    assert read_broadcast(leaf(), axes) == ()


def test_other_ops_have_no_index_rule():
    node = arithmetic.negate(leaf(2))
    assert not is_movement(node)
    with pytest.raises(CompileError, match="negate has no index rule"):
        read_movement(node, identity_indices((2,)))
