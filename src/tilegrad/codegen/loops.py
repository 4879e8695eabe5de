"""Loops, program instances and the effects in them."""

from __future__ import annotations

from tilegrad.codegen.analysis import INSTANCE, ORDERED
from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.division import divide_floor, divide_remainder
from tilegrad.codegen.emitter import Region
from tilegrad.codegen.index import is_index
from tilegrad.codegen.spread import index_dtype
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import attributes_of
from tilegrad.ops import linear, tile
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import bounds
from tilegrad.ops.graph import ResultAttributes
from tilegrad.ops.linear import BeginLoopAttributes, InstanceBoundAttributes, PositionAttributes

INSTANCES = -1
"""The number under which the loop over program instances is open."""


def lower_block(context: Context, node: Node) -> Vectors:
    """Perform the effects of a block in order."""
    for effect in node.sources:
        context.value(effect)
    context.remember_effect(node)
    return []


def lower_loop(context: Context, node: Node) -> Vectors:
    """Lower a loop to a region; the result is what it carries at its end, vector after vector."""
    attributes = attributes_of(node, tile.LoopAttributes)
    emitter = context.emitter
    depth = _find_depth(context, node)
    deeper = emitter.regions[depth + 1 :]
    del emitter.regions[depth + 1 :]
    bounds_ = tuple(context.scalar(source) for source in node.sources[:3])
    carries = [
        intern(tile.carry, (source,), tile.CarryAttributes(attributes.loop, position))
        for position, source in enumerate(node.sources[3 : 3 + attributes.carries])
    ]
    initial = [_carried(context, carry.sources[0], carry) for carry in carries]
    flat = tuple(vector for vectors in initial for vector in vectors)
    is_entered = bounds(node.sources[0])[1] < bounds(node.sources[1])[0]
    begin = open_loop(context, (*bounds_, *flat), attributes.loop, is_entered)
    emitter.regions[-1].written = context.analysis.written[node]
    _enter(context, node, begin, carries, [len(vectors) for vectors in initial])
    for effect in node.sources[3 + 2 * len(carries) :]:
        context.value(effect)
    following = tuple(
        vector
        for carry, source in zip(carries, node.sources[3 + len(carries) :], strict=False)
        for vector in _carried(context, source, carry)
    )
    end = close_loop(context, begin, following, attributes.loop)
    results = [
        emitter.put(linear.loop_value, (end,), PositionAttributes(i)) for i in range(len(flat))
    ]
    if not results:
        context.remember_effect(node)
    emitter.regions.extend(deeper)
    return results


def _enter(
    context: Context, node: Node, begin: Node, carries: list[Node], counts: list[int]
) -> None:
    """Make the loop's position and the vectors of its carries known in the open region."""
    put = context.emitter.put
    number = attributes_of(node, tile.LoopAttributes).loop
    index = intern(tile.loop_index, node.sources[:2], tile.LoopIndexAttributes(number))
    context.remember(index, [put(linear.loop_position, (begin,))])
    position = 0
    for carry, count in zip(carries, counts, strict=True):
        places = range(position, position + count)
        vectors = [put(linear.loop_carry, (begin,), PositionAttributes(i)) for i in places]
        context.remember(carry, vectors)
        position += count


def _find_depth(context: Context, node: Node) -> int:
    """Return the depth of the region that a loop belongs in."""
    free = context.analysis.free[node]
    if free & ORDERED:
        return context.emitter.depth
    depth = context.loop_depths.get(INSTANCES, 0) if free & INSTANCE else 0
    for number, bit in context.analysis.loop_bits.items():
        if free & bit:
            depth = max(depth, context.loop_depths[number])
    return depth


def _carried(context: Context, node: Node, like: Node) -> Vectors:
    """Return a carried tile's vectors, constants and index tiles in the type of the carry."""
    emitter = context.emitter
    vectors = context.value(node)
    if is_index(like) and like.shape:
        return [emitter.cast(vector, index_dtype(like)) for vector in vectors]
    return vectors


def open_loop(context: Context, sources: tuple[Node, ...], number: int, is_entered: bool) -> Node:
    """Open the region of a loop and return its beginning."""
    emitter = context.emitter
    attributes = BeginLoopAttributes(emitter.next_order(), is_entered)
    begin = intern(linear.begin_loop, sources, attributes)
    emitter.regions.append(Region())
    emitter.depth_of[begin] = emitter.depth
    context.loop_depths[number] = emitter.depth
    return begin


def close_loop(context: Context, begin: Node, following: tuple[Node, ...], number: int) -> Node:
    """Close the innermost region, forget what was known only in it, and return the loop's end."""
    for tile_ in context.emitter.regions[-1].tiles:
        context.values.pop(tile_, None)
    del context.loop_depths[number]
    return context.emitter.close_region(begin, following)


def lower_loop_result(context: Context, node: Node) -> Vectors:
    """Return the vectors of one of a loop's carried tiles."""
    (loop,) = node.sources
    index = attributes_of(node, ResultAttributes).index
    counts = [len(context.value(source)) for source in loop.sources[3 : 3 + index + 1]]
    start = sum(counts[:-1])
    return context.value(loop)[start : start + counts[-1]]


def lower_instances(context: Context, block: Node) -> None:
    """Lower the loop over the program instances of one call."""
    put = context.emitter.put
    first = put(linear.instance_bound, (), InstanceBoundAttributes(False))
    end = put(linear.instance_bound, (), InstanceBoundAttributes(True))
    begin = open_loop(context, (first, end, as_node(1)), INSTANCES, False)
    context.emitter.regions[-1].written = context.analysis.written[block]
    _find_program_indices(context, put(linear.loop_position, (begin,)))
    context.value(block)
    close_loop(context, begin, (), INSTANCES)


def _find_program_indices(context: Context, instance: Node) -> None:
    """Split the number of the instance into its positions along the grid's axes, last fastest."""
    sizes = context.grid
    rest = instance
    for axis in range(len(sizes) - 1, -1, -1):
        node = tile.make_program_index(axis)
        size = context.scalar(sizes[axis])
        is_one = size is as_node(1)
        if is_one or (axis == 0 and rest is instance):
            position = as_node(0) if is_one else rest
        elif axis == 0 or all(context.scalar(other) is as_node(1) for other in sizes[:axis]):
            position = rest
        else:
            position = divide_remainder(context, rest, size, is_positive=True)
            rest = divide_floor(context, rest, size, is_positive=True)
        context.remember(node, [position])
