"""The steps by which a random graph grows, each an application of one or two ops."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy
from hypothesis import strategies as st

from tests.conformance.graph_model import LARGEST, Graph, Shape, Value
from tests.conformance.structured import KINDS, MODES
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import (
    ELEMENTWISE_OPS,
    REDUCTION_OPS,
    comparison,
    conversion,
    graph,
    indexing,
    leaves,
    movement,
    sorting,
    windows,
)
from tilegrad.ops.scan import ScanAttributes, scan

Step = Callable[[Graph], None]

UNARY = [op for op in ELEMENTWISE_OPS if op.arity == 1 and op.attributes is None]
BINARY = [op for op in ELEMENTWISE_OPS if op.arity == 2]
COMMON = [op for op in BINARY if op.name in {"add", "subtract", "multiply", "maximum", "less"}]
SIZES = st.sampled_from([0, 1, 1, 2, 3, 3, 4, 5, 7, 8, 16, 17, 33])


def draw_shape(draw: st.DrawFn) -> Shape:
    """Return a shape of up to four axes."""
    shape = tuple(draw(st.lists(SIZES, max_size=4)))
    while math.prod(shape) > LARGEST // 4:
        shape = shape[1:]
    return shape


def _number(model: Graph, low: int, high: int) -> int:
    return model.draw(st.integers(low, high))


def _partner(model: Graph, value: Value) -> Value:
    """Return a second operand for an elementwise op."""

    def fits(other: Value) -> bool:
        if other.dtype is not value.dtype:
            return False
        pairs = zip(other.shape, value.shape, strict=False)
        return other.rank == value.rank and all(a in (1, b) or b == 1 for a, b in pairs)

    if _number(model, 0, 3) == 0:
        return model.constant(value.dtype)
    found = model.any(fits)
    if found is not None and (found is not value or _number(model, 0, 2) == 0):
        return found
    return model.new_leaf(value.dtype, value.shape)


def apply_unary(model: Graph) -> None:
    value = model.any()
    if value is not None:
        model.apply(model.draw(st.sampled_from(UNARY)), value)


def apply_binary(model: Graph) -> None:
    value = model.any()
    if value is not None:
        op = model.draw(st.sampled_from([*BINARY, *COMMON * 4]))
        pair = [value, _partner(model, value)]
        if _number(model, 0, 1):
            pair.reverse()
        model.apply(op, *pair)


def choose(model: Graph) -> None:
    """Apply ``where``, by a condition that is there or a new comparison."""
    value = model.any()
    if value is None:
        return
    condition = model.any(lambda other: other.dtype is dtypes.bool and other.shape == value.shape)
    if condition is None:
        condition = model.apply(comparison.less, value, _partner(model, value))
    if condition is not None:
        model.apply(comparison.where, condition, value, _partner(model, value))


def cast(model: Graph) -> None:
    value = model.any()
    if value is not None:
        target = model.draw(st.sampled_from([*model.dtypes, *model.targets]))
        op = conversion.bitcast if _number(model, 0, 5) == 0 else conversion.cast
        model.apply(op, value, attributes=conversion.CastAttributes(target))


def reduce(model: Graph) -> None:
    value = model.any(lambda other: other.rank > 0)
    if value is None:
        return
    axes = model.draw(st.sets(st.integers(0, value.rank - 1), min_size=1))
    op = model.draw(st.sampled_from([*REDUCTION_OPS, REDUCTION_OPS[0], REDUCTION_OPS[0]]))
    attributes = op.attributes(tuple(sorted(axes)))  # type: ignore[misc]
    reduced = model.apply(op, value, attributes=attributes)
    if reduced is not None and _number(model, 0, 2) == 0 and 0 not in value.shape:
        model.apply(model.draw(st.sampled_from(COMMON)), value, reduced)


def contract(model: Graph) -> None:
    """Multiply two matrices, as a product with another axis and a sum."""
    left = model.any(lambda other: other.rank == 2 and not other.dtype.is_boolean)
    if left is None:
        return
    rows, inner = left.shape
    right = model.any(lambda o: o.dtype is left.dtype and o.rank == 2 and o.shape[0] == inner)
    if right is None or _number(model, 0, 2) == 0:
        right = model.new_leaf(left.dtype, (inner, _number(model, 1, 9)))
    first = _reshape(model, left, (rows, inner, 1))
    second = _reshape(model, right, (1, *right.shape))
    if first is None or second is None:
        return
    product = model.apply(BINARY_MULTIPLY, first, second)
    if product is not None:
        model.apply(REDUCTION_OPS[0], product, attributes=REDUCTION_OPS[0].attributes((1,)))


BINARY_MULTIPLY = next(op for op in BINARY if op.name == "multiply")


def _reshape(model: Graph, value: Value, shape: Shape) -> Value | None:
    if shape == value.shape:
        return value
    return model.apply(movement.reshape, value, attributes=movement.ReshapeAttributes(shape))


def reshape(model: Graph) -> None:
    """Merge, split or insert axes."""
    value = model.any()
    if value is None:
        return
    shape = list(value.shape)
    kind = _number(model, 0, 3)
    if kind == 0 and len(shape) >= 2:
        place = _number(model, 0, len(shape) - 2)
        shape[place : place + 2] = [shape[place] * shape[place + 1]]
    elif kind == 1 and shape:
        place = _number(model, 0, len(shape) - 1)
        factors = [n for n in range(1, shape[place] + 1) if shape[place] % n == 0] or [1]
        factor = model.draw(st.sampled_from(factors))
        shape[place : place + 1] = [factor, shape[place] // factor]
    elif kind == 2:
        shape.insert(_number(model, 0, len(shape)), 1)
    else:
        shape = [math.prod(shape)]
    if len(shape) <= 5:
        _reshape(model, value, tuple(shape))


def permute(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 2)
    if value is not None:
        order = tuple(model.draw(st.permutations(range(value.rank))))
        model.apply(movement.permute, value, attributes=movement.PermuteAttributes(order))


def expand(model: Graph) -> None:
    value = model.any(lambda other: 1 in other.shape)
    if value is not None:
        shape = tuple(_number(model, 1, 5) if size == 1 else size for size in value.shape)
        model.apply(movement.expand, value, attributes=movement.ExpandAttributes(shape))


def pad(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        pairs = tuple((_number(model, 0, 2), _number(model, 0, 2)) for _ in value.shape)
        model.apply(movement.pad, value, attributes=movement.PadAttributes(pairs))


def shrink(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        bounds = []
        for size in value.shape:
            start = _number(model, 0, size)
            bounds.append((start, _number(model, start, size)))
        model.apply(movement.shrink, value, attributes=movement.ShrinkAttributes(tuple(bounds)))


def flip(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        axes = model.draw(st.sets(st.integers(0, value.rank - 1), min_size=1))
        model.apply(movement.flip, value, attributes=movement.FlipAttributes(tuple(sorted(axes))))


def slide(model: Graph) -> None:
    """Take every n-th element, or windows along a new axis."""
    value = model.any(lambda other: 1 <= other.rank <= 3)
    if value is None:
        return
    axis = _number(model, 0, value.rank - 1)
    stride, dilation, window = (_number(model, 1, 3) for _ in range(3))
    along = None
    if _number(model, 0, 2) and value.shape[axis] > 0:
        along = value.rank
        widened = _reshape(model, value, (*value.shape, 1))
        wide = (*value.shape, window)
        if widened is None:
            return
        attributes = movement.ExpandAttributes(wide)
        expanded = model.apply(movement.expand, widened, attributes=attributes)
        if expanded is None:
            return
        value = expanded
    else:
        dilation, window = 0, 1
    size = (value.shape[axis] - (window - 1) * dilation - 1) // stride + 1
    if size >= 0:
        samples = windows.SlideAttributes(axis, along, size, stride, dilation)
        model.apply(windows.slide, value, attributes=samples)


def unslide(model: Graph) -> None:
    value = model.any(lambda other: 1 <= other.rank <= 4)
    if value is None:
        return
    axis = _number(model, 0, value.rank - 1)
    along: int | None = _number(model, 0, value.rank - 1)
    stride, dilation = _number(model, 1, 3), _number(model, 0, 2)
    if along == axis:
        along, dilation = None, 0
    steps = 1 if along is None else value.shape[along]
    size = max(0, (value.shape[axis] - 1) * stride + (steps - 1) * dilation + 1)
    place = windows.UnslideAttributes(axis, along, size + _number(model, 0, 2), stride, dilation)
    if _injective(value.shape, place):
        result = model.apply(windows.unslide, value, attributes=place)
        if result is not None and along is not None and _number(model, 0, 1):
            total = REDUCTION_OPS[0]
            model.apply(total, result, attributes=total.attributes((along,)))  # type: ignore[misc]


def _injective(shape: Shape, place: windows.UnslideAttributes) -> bool:
    return 0 not in shape or place.size >= 0  # type: ignore[operator]


def concatenate(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is None:
        return
    axis = _number(model, 0, value.rank - 1)

    def fits(other: Value) -> bool:
        if other.dtype is not value.dtype or other.rank != value.rank:
            return False
        return all(
            a == b or i == axis
            for i, (a, b) in enumerate(zip(other.shape, value.shape, strict=True))
        )

    parts = [value, *(model.any(fits) or value for _ in range(_number(model, 1, 2)))]
    attributes = movement.ConcatenateAttributes(axis)
    model.apply(movement.concatenate, *parts, attributes=attributes)


def _indices(model: Graph, value: Value) -> tuple[tuple[int, ...], list[Value]]:
    axes = model.draw(st.sets(st.integers(0, value.rank - 1), min_size=1, max_size=2))
    shape = model.draw(st.sampled_from([(), (1,), (3,), (2, 3), (0,), (6,)]))
    random = numpy.random.default_rng(_number(model, 0, 1000))
    indices = []
    for axis in sorted(axes):
        positions = random.integers(-1, value.shape[axis] + 1, shape)
        kind = model.draw(st.sampled_from([dtypes.int64, dtypes.int32, dtypes.int8]))
        indices.append(model.add_leaf(numpy.asarray(positions, kind.numpy)))
    return tuple(sorted(axes)), indices


def gather(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        axes, indices = _indices(model, value)
        attributes = indexing.GatherAttributes(axes)
        model.apply(indexing.gather, value, *indices, attributes=attributes)


def scatter(model: Graph) -> None:
    base = model.any(lambda other: other.rank >= 1)
    if base is not None:
        axes, indices = _indices(model, base)
        rest = tuple(size for axis, size in enumerate(base.shape) if axis not in axes)
        shape = indices[0].shape + rest
        updates = model.any(lambda o: o.dtype is base.dtype and o.shape == shape)
        updates = updates or model.new_leaf(base.dtype, shape)
        attributes = indexing.ScatterAttributes(axes, model.draw(st.sampled_from(MODES)))
        model.apply(indexing.scatter, base, updates, *indices, attributes=attributes)


def accumulate(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        kind = model.draw(st.sampled_from(KINDS))
        axis = _number(model, 0, value.rank - 1)
        model.apply(scan, value, attributes=ScanAttributes(axis, kind))


def sort(model: Graph) -> None:
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        axis, is_descending = _number(model, 0, value.rank - 1), bool(_number(model, 0, 1))
        if model.draw(st.booleans()):
            attributes = sorting.SortAttributes(axis, is_descending)
            model.apply(sorting.sort, value, attributes=attributes)
        else:
            attributes = sorting.ArgsortAttributes(axis, is_descending)
            model.apply(sorting.argsort, value, attributes=attributes)


def count(model: Graph) -> None:
    """Add positions along an axis, as numbers of some dtype."""
    value = model.any(lambda other: other.rank >= 1)
    if value is not None:
        axis = _number(model, 0, value.rank - 1)
        node = leaves.iota(attributes=leaves.IotaAttributes(value.shape, axis))
        array = node.op.reference(node.attributes)  # type: ignore[misc]
        positions = Value(node, array, numpy.zeros(array.shape))
        target = model.any_dtype()
        attributes = conversion.CastAttributes(target)
        model.apply(conversion.cast, positions, attributes=attributes)


def mark(model: Graph) -> None:
    value = model.any()
    if value is not None:
        model.apply(model.draw(st.sampled_from([graph.contiguous, graph.detach])), value)


def assign(model: Graph) -> None:
    """Write a tensor into a realised one that fits, unless that was written already."""
    taken = {value.assigned for value in model.sinks}
    leaf = model.any(lambda other: other in model.leaves and other.node not in taken)
    if leaf is not None:
        value = model.any(
            lambda o: o.dtype is leaf.dtype and o.shape == leaf.shape and o is not leaf
        )
        if value is not None:
            model.assign(leaf, value)


STEPS: list[Step] = [
    *(apply_unary, apply_binary, apply_binary, apply_binary, choose, cast, reduce, reduce),
    *(contract, reshape, permute, expand, pad, shrink, flip, slide, unslide, concatenate),
    *(gather, scatter, accumulate, sort, count, mark, assign, assign),
]
