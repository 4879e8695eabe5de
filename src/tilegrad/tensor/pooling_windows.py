"""How pooling lays out its windows, counts what is in them and closes them again."""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op
from tilegrad.ops import comparison, reduction, symbolic
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.tensor import nodes
from tilegrad.tensor.arguments import per_axis
from tilegrad.tensor.broadcasting import show_shape
from tilegrad.tensor.padding import pad_with_value
from tilegrad.tensor.size import Index
from tilegrad.tensor.statistics import mean_of
from tilegrad.tensor.windows import Numbers, Windows, open_windows, read_windows

Request = tuple[Numbers, Numbers | None, Numbers, Numbers]


def plan_windows(
    node: Node, spatial: int, numbers: Request, ceil_mode: bool
) -> tuple[tuple[Index, ...], Windows, tuple[Index, ...], tuple[int, ...]]:
    """Return spatial sizes, windows, their counts, and padding needed beyond the one asked for."""
    kernel_size, stride, dilation, padding = numbers
    count = spatial if isinstance(kernel_size, int) else len(kernel_size)
    if len(node.shape) < count:
        raise ShapeError(
            "too few axes to pool", got=show_shape(node.shape), expected=f"{count} or more"
        )
    sizes = per_axis(kernel_size, count, "kernel_size")
    plan = read_windows(sizes, sizes if stride is None else stride, dilation, padding)
    extents = node.shape[-count:]
    counts = plan.count(extents)
    extra = [0] * count
    if ceil_mode:
        grown = list(counts)
        for place, (extent, found) in enumerate(zip(extents, counts, strict=True)):
            before, after = plan.padding[place]
            stride_here, span = plan.strides[place], plan.spans[place]
            if not isinstance(extent, int) or not isinstance(found, int):
                raise ArgumentError("ceil_mode needs sizes that are known", got=extent)
            reach = found * stride_here + span - (extent + before + after)
            if found * stride_here < extent + before and reach < stride_here:
                grown[place], extra[place] = found + 1, reach
        counts = tuple(grown)
    return extents, plan, counts, tuple(extra)


def open_padded(
    node: Node, plan: Windows, counts: Sequence[Index], extra: Sequence[int], value: float
) -> Node:
    """Return the windows of a node padded with a value; ``extra`` as ``plan_windows`` says."""
    pairs = zip(plan.padding, extra, strict=True)
    padding = tuple((before, after + more) for (before, after), more in pairs)
    head = ((0, 0),) * (len(node.shape) - len(padding))
    return open_windows(pad_with_value(node, head + padding, value), plan, counts)


def close_windows(op: Op, opened: Node, spatial: int) -> Node:
    """Reduce the axes of the windows, which are the last, and drop them."""
    rank = len(opened.shape)
    axes = tuple(range(rank - spatial, rank))
    return nodes.drop_axes(nodes.reduce(op, opened, axes), axes)


def count_real(
    plan: Windows,
    extents: Sequence[Index],
    counts: Sequence[Index],
    count_include_pad: bool,
    like: Node,
) -> Node:
    """Return how many elements of each window count: a product over the axes."""
    result: Node | None = None
    for place, (extent, count) in enumerate(zip(extents, counts, strict=True)):
        before, after = plan.padding[place]
        step = (plan.strides[place], plan.dilations[place])
        start = nodes.positions(count, dtypes.index, 2, 0) * step[0]
        sample = start + nodes.positions(plan.sizes[place], dtypes.index, 2, 1) * step[1]
        low = 0 if count_include_pad else before
        high = symbolic.add(extent, before + after if count_include_pad else before)
        is_real = (sample >= low) & (sample < high)
        is_real = nodes.expand(is_real, (count, plan.sizes[place]))  # bounds may decide it
        total = nodes.reduce_sum(cast_to(is_real, like.dtype), (1,))
        shape = (1,) * place + (count,) + (1,) * (len(counts) - place - 1)
        total = reshape_to(total, (1,) * (len(like.shape) - len(counts)) + shape)
        result = total if result is None else result * total
    return constant(1, like.dtype) if result is None else result


def find_places(
    opened: Node, closed: Node, plan: Windows, extents: Sequence[Index], counts: Sequence[Index]
) -> Node:
    """Return the first position of each window's greatest element in the flat spatial axes."""
    spatial, rank = len(plan.sizes), len(opened.shape)
    first = rank - 2 * spatial
    flat: Node | None = None
    for place in range(spatial):
        start = nodes.positions(counts[place], dtypes.index, rank, first + place)
        sample = nodes.positions(plan.sizes[place], dtypes.index, rank, first + spatial + place)
        position = start * plan.strides[place] + sample * plan.dilations[place]
        position = position - plan.padding[place][0]
        flat = position if flat is None else flat * extents[place] + position
    places = expand_to(cast_to(flat or constant(0, dtypes.index), dtypes.int64), opened.shape)
    greatest = reshape_to(closed, closed.shape + (1,) * spatial)
    found = intern(comparison.equal, (opened, greatest))
    if opened.dtype.is_float:
        found = found | intern(comparison.is_nan, (opened,))
    beyond = constant(dtypes.int64.maximum, dtypes.int64)
    return close_windows(reduction.reduce_minimum, nodes.where(found, places, beyond), spatial)


def adapt_axis(node: Node, axis: int, count: int, *, is_mean: bool) -> Node:
    """Return one axis pooled by adaptive windows.

    Where the windows do not divide the axis evenly, each is a masked reduction over all of it.
    """
    size, along = node.shape[axis], (axis + 1,)
    if isinstance(size, int) and count > 0 and size % count == 0:
        shape = (*node.shape[:axis], count, size // count, *node.shape[axis + 1 :])
        opened = reshape_to(node, shape)
        if is_mean:
            return nodes.drop_axes(mean_of(opened, along), along)
        return nodes.drop_axes(nodes.reduce(reduction.reduce_maximum, opened, along), along)
    rank = len(node.shape) + 1
    window = nodes.positions(count, dtypes.index, rank, axis)
    sample = nodes.positions(size, dtypes.index, rank, axis + 1)
    start = window * size // count
    stop = ((window + 1) * size + (count - 1)) // count
    is_inside = (start <= sample) & (sample < stop)
    opened = nodes.insert_axis(node, axis)
    if is_mean:
        kept = nodes.where(is_inside, opened, constant(0, node.dtype))
        mean = nodes.reduce_sum(kept, along) / cast_to(stop - start, node.dtype)
        return nodes.drop_axes(mean, along)
    kept = nodes.where(is_inside, opened, constant(node.dtype.minimum, node.dtype))
    return nodes.drop_axes(nodes.reduce(reduction.reduce_maximum, kept, along), along)
