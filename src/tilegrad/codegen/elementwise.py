"""Elementwise ops: one instruction for each vector; index tiles in 32- or 64-bit lanes."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from tilegrad.codegen.compare import lower_index_comparison
from tilegrad.codegen.context import Context, Vectors
from tilegrad.codegen.division import divide_floor, divide_remainder
from tilegrad.codegen.emitter import bool_vector, is_constant_bool
from tilegrad.codegen.index import is_index
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.spread import index_dtype, materialise_index, sum_terms
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import affine, arithmetic, bits, comparison, conversion, linear
from tilegrad.ops.affine import as_node
from tilegrad.ops.bounds import bounds


def lower_elementwise(context: Context, node: Node) -> Vectors:
    """Lower an op with one instruction on each vector of its operands."""
    shape = static_shape(node)
    put, op, attributes = context.emitter.put, node.op, node.attributes
    columns = [context.operands(source, shape) for source in node.sources]
    return [put(op, operands, attributes) for operands in zip(*columns, strict=False)]


def lower_logical(context: Context, node: Node) -> Vectors:
    """Lower bitwise_and and bitwise_or; bools known when compiling decide or vanish."""
    if node.dtype is not dtypes.bool:
        return lower_elementwise(context, node)
    shape = static_shape(node)
    first, second = (context.broadcast(source, shape) for source in node.sources)
    absorbing = node.op is bits.bitwise_or
    results = []
    for one, other in zip(first, second, strict=True):
        if is_constant_bool(one, absorbing) or is_constant_bool(other, not absorbing):
            results.append(one)
        elif is_constant_bool(other, absorbing) or is_constant_bool(one, not absorbing):
            results.append(other)
        else:
            results.append(context.emitter.put(node.op, (one, other)))
    return results


def lower_not(context: Context, node: Node) -> Vectors:
    """Lower bitwise_not; that of a constant mask is constant."""
    results = []
    for vector in context.value(node.sources[0]):
        width = linear.lanes_of(vector)
        if node.dtype is dtypes.bool and is_constant_bool(vector, True):
            results.append(bool_vector(False, width))
        elif node.dtype is dtypes.bool and is_constant_bool(vector, False):
            results.append(bool_vector(True, width))
        else:
            results.append(context.emitter.put(node.op, (vector,)))
    return results


def lower_where(context: Context, node: Node) -> Vectors:
    """Lower where; a condition known when compiling chooses."""
    if is_index(node) and node.shape:
        return lower_index(context, node)
    shape = static_shape(node)
    columns = [context.broadcast(source, shape) for source in node.sources]
    results = []
    for condition, chosen, other in zip(*columns, strict=True):
        if is_constant_bool(condition, True):
            results.append(chosen)
        elif is_constant_bool(condition, False):
            results.append(other)
        else:
            results.append(context.emitter.put(comparison.where, (condition, chosen, other)))
    return results


def lower_comparison(context: Context, node: Node) -> Vectors:
    """Lower a comparison; those of index tiles are masks."""
    if is_index(node.sources[0]):
        return lower_index_comparison(context, node)
    return lower_elementwise(context, node)


def lower_cast(context: Context, node: Node) -> Vectors:
    """Lower a conversion between register types."""
    (source,) = node.sources
    if is_index(node):
        return lower_index(context, node)
    emitter = context.emitter
    if is_index(source) and source.shape:
        vectors = materialise_index(context, source, static_shape(node))
    else:
        vectors = context.value(source)
    return [emitter.cast(vector, node.dtype) for vector in vectors]


def lower_index(context: Context, node: Node) -> Vectors:
    """Lower an op whose result is an index: a 64-bit scalar, or vectors of ``index_dtype``."""
    if not node.shape:
        return [_INDEX_SCALARS.get(node.op, _lower_plain)(context, node)]
    form = context.forms.find(node)
    if node not in form.tiles:
        return materialise_index(context, node, static_shape(node))
    return _lower_index_lanes(context, node)


def _lower_plain(context: Context, node: Node) -> Node:
    sources = tuple(context.scalar(source) for source in node.sources)
    return context.emitter.put(node.op, sources, node.attributes)


def _lower_affine(context: Context, node: Node) -> Node:
    form = context.forms.find(node)
    terms = {atom: int(multiplier) for atom, multiplier in form.scalars.items()}
    return sum_terms(context, terms, int(form.static))


def _lower_product(context: Context, node: Node) -> Node:
    return _multiply_all(context, [context.scalar(source) for source in node.sources])


def _multiply_all(context: Context, factors: Sequence[Node]) -> Node:
    put = context.emitter.put
    return functools.reduce(lambda one, other: put(arithmetic.multiply, (one, other)), factors)


def _lower_index_cast(context: Context, node: Node) -> Node:
    return context.emitter.cast(context.scalar(node.sources[0]), dtypes.index)


def _lower_index_divide(context: Context, node: Node) -> Node:
    value, divisor = (context.scalar(source) for source in node.sources)
    if bounds(node.sources[1])[0] < 1:
        # A size of 0 must not trap; whatever is computed with it has no elements.
        divisor = context.emitter.put(arithmetic.maximum, (divisor, as_node(1)))
    return _divide(context, node, value, divisor)


def _divide(context: Context, node: Node, value: Node, divisor: Node) -> Node:
    """Return the quotient or the rest that a node is, of scalars or vectors."""
    is_positive = bounds(node.sources[0])[0] >= 0
    divide = divide_floor if node.op is arithmetic.floor_divide else divide_remainder
    return divide(context, value, divisor, is_positive=is_positive)


_INDEX_SCALARS = {
    affine.affine: _lower_affine,
    affine.product: _lower_product,
    conversion.cast: _lower_index_cast,
    arithmetic.floor_divide: _lower_index_divide,
    arithmetic.modulo: _lower_index_divide,
}


def _lower_index_lanes(context: Context, node: Node) -> Vectors:
    """Lower an index tile that is known only when the program runs, lane by lane."""
    emitter, shape = context.emitter, static_shape(node)
    dtype = index_dtype(node)
    if node.op is conversion.cast:
        vectors = context.value(node.sources[0])
        return [emitter.cast(vector, dtype) for vector in vectors]
    indices = [source for source in node.sources if is_index(source)]
    if any(index_dtype(source) is dtypes.int64 for source in indices):
        dtype = dtypes.int64
    columns = [
        _index_lanes(context, source, shape, dtype)
        if is_index(source)
        else context.broadcast(source, shape)
        for source in node.sources
    ]
    found = [_put_lanes(context, node, operands) for operands in zip(*columns, strict=True)]
    return [emitter.cast(vector, index_dtype(node)) for vector in found]


def _index_lanes(context: Context, node: Node, shape: tuple[int, ...], dtype: DType) -> Vectors:
    vectors = materialise_index(context, node, shape)
    return [context.emitter.cast(vector, dtype) for vector in vectors]


def _put_lanes(context: Context, node: Node, operands: tuple[Node, ...]) -> Node:
    if node.op is arithmetic.floor_divide or node.op is arithmetic.modulo:
        return _divide(context, node, *operands)
    if node.op is affine.product:
        return _multiply_all(context, operands)
    return context.emitter.put(node.op, operands, node.attributes)
