"""Instances of the rules that almost no random instance of their left side would match."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.rewrite.instances import Instance
from tests.rewrite.laws import Make
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import arithmetic, exponential
from tilegrad.ops.comparison import relu, where
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.graph import contiguous
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import ConcatenateAttributes, concatenate, expand_to
from tilegrad.ops.reduction import sum_over
from tilegrad.ops.windows import UnslideAttributes, unslide
from tilegrad.rewrite.pattern import FLOAT, INTEGER


def _positive(instance: Instance, depth: int) -> Node:
    """Return a float tensor, most often one that cannot be -0."""
    dtype = instance.dtype_of(FLOAT)
    style = instance.draw(st.integers(0, 8 if depth else 6))
    tensor = instance.leaf(dtype, instance.shape)
    plain = (
        lambda: cast_to(instance.leaf(instance.dtype_of(INTEGER), instance.shape), dtype),
        lambda: exponential.exp(tensor),
        lambda: arithmetic.absolute(tensor),
        lambda: relu(tensor),
        lambda: tensor * tensor,
        lambda: instance.constant(dtype),
        lambda: tensor,
    )
    if style < len(plain):
        return plain[style]()
    first, second = _positive(instance, depth - 1), _positive(instance, depth - 1)
    if style == 7:
        return first + second
    return where(instance.leaf(dtypes.bool, instance.shape), first, second)


def add_positive_zero(instance: Instance) -> Node:
    """Add +0 to a tensor that is made of ops which hardly ever give -0."""
    return _positive(instance, 2) + constant(0.0, instance.dtype_of(FLOAT))


def flatten_concatenation(instance: Instance) -> Node:
    """Concatenate tensors, concatenations and tensors of size 0."""
    dtype = instance.dtype_of(instance.rule.kind.dtypes)
    axis = instance.draw(st.integers(0, len(instance.shape) - 1))
    record = ConcatenateAttributes(axis)

    def part(depth: int) -> Node:
        shape = list(instance.shape)
        shape[axis] = instance.draw(st.integers(0, 2))
        if depth and instance.draw(st.booleans()):
            return concatenate(part(0), part(0), attributes=record)
        return instance.leaf(dtype, tuple(shape))

    return concatenate(*(part(1) for _ in range(3)), attributes=record)


def contiguous_of_buffer(instance: Instance) -> Node:
    """Make a buffer contiguous."""
    return contiguous(instance.leaf(instance.dtype_of(instance.rule.kind.dtypes), instance.shape))


def sum_of_separate_windows(instance: Instance) -> Node:
    """Sum one or two adjoint slides along their windows' axes, and perhaps along more."""
    dtype = instance.dtype_of(instance.rule.kind.dtypes)
    sizes = st.integers(1, 3)
    shape = tuple(instance.draw(sizes) for _ in range(5))
    node = instance.leaf(dtype, shape)
    axes = instance.draw(st.sampled_from([(2, 3), (2, 3, 4)]))
    for axis, along in ((0, 2), (1, 3))[: instance.draw(st.integers(1, 2))]:
        stride, dilation = instance.draw(sizes), instance.draw(st.sampled_from([1, 1, 1, 2]))
        last = (shape[axis] - 1) * stride + (shape[along] - 1) * dilation
        size = last + 1 + instance.draw(st.integers(0, 3))
        record = UnslideAttributes(axis, along, size, stride, dilation)
        node = unslide(node, attributes=record)
    return sum_over(node, axes)


def expand_after_reduce_sum(instance: Instance) -> Node:
    """Sum an expansion along an axis, of so few elements that NumPy adds them one by one."""
    dtype = instance.dtype_of(instance.rule.kind.dtypes)
    whole = tuple(instance.draw(st.integers(1, 3)) for _ in range(3))
    axis = instance.draw(st.integers(0, 2))
    source = tuple(
        size if number == axis or instance.draw(st.booleans()) else 1
        for number, size in enumerate(whole)
    )
    return sum_over(expand_to(instance.leaf(dtype, source), whole), (axis,))


OWN: dict[str, Make] = {
    make.__name__: make
    for make in (
        add_positive_zero,
        flatten_concatenation,
        contiguous_of_buffer,
        sum_of_separate_windows,
        expand_after_reduce_sum,
    )
}
"""By the names of the rules."""
