"""How each op that processors lack is replaced."""

from __future__ import annotations

import math
from collections.abc import Callable

from tilegrad.codegen import integers, narrow
from tilegrad.codegen.decomposition import Decomposition, Rule, Sources
from tilegrad.codegen.layout import static_shape
from tilegrad.codegen.mathematics import (
    exponential as exponentials,
)
from tilegrad.codegen.mathematics import (
    hyperbolic,
    inverse,
    logarithm,
    power,
    remainder,
)
from tilegrad.codegen.mathematics import (
    rounding as roundings,
)
from tilegrad.codegen.mathematics import (
    special as specials,
)
from tilegrad.codegen.mathematics import (
    trigonometry as angles,
)
from tilegrad.codegen.mathematics.building import (
    bitcast,
    cast,
    choose,
    equal,
    is_infinite,
    with_sign,
)
from tilegrad.codegen.mathematics.look_up import look_up
from tilegrad.codegen.mathematics.rounds import Rounds
from tilegrad.codegen.matrix.groups import add_to_groups, multiply_groups
from tilegrad.codegen.matrix.units import find_matrix_unit
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import Kind, dtypes
from tilegrad.ir.node import Node, intern
from tilegrad.ir.op import Op, attributes_of
from tilegrad.ops import (
    arithmetic,
    bits,
    comparison,
    conversion,
    exponential,
    matrix,
    random,
    reduction,
    rounding,
    special,
    tile,
    trigonometry,
)
from tilegrad.ops import look_up as look_ups
from tilegrad.ops.leaves import constant
from tilegrad.ops.look_up import LookUpAttributes
from tilegrad.ops.matrix import UnitAttributes


def apply_op(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Apply the node's own op to the replaced sources."""
    del decomposition
    return intern(node.op, sources, node.attributes)


def _of_sources(function: Callable[..., Node]) -> Rule:
    """The rule of an op whose replacement is a function of its sources alone."""

    def rule(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
        del decomposition, node
        return function(*sources)

    return rule


def _of_floats(rule: Rule) -> Rule:
    """The rule of a function of floats; integers have an instruction for it."""

    def of_floats(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
        used = rule if sources[0].dtype.is_float else apply_op
        return used(decomposition, node, sources)

    return of_floats


def _by_target(function: Callable[..., Node]) -> Rule:
    """The rule of a function that takes the target first."""
    return lambda decomposition, _, sources: function(decomposition.target, *sources)


def _by_rounds(function: Callable[..., Node]) -> Rule:
    """The rule of a function that takes the loop maker first."""
    return lambda decomposition, _, sources: function(decomposition.rounds, *sources)


def _by_kind(
    whole: Callable[[CodegenTarget, Node, Node], Node],
    real: Callable[[Rounds, Node, Node], Node],
) -> Rule:
    def rule(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
        dtype = sources[0].dtype
        if dtype.kind is Kind.INDEX:
            return apply_op(decomposition, node, sources)
        if dtype.is_float:
            return real(decomposition.rounds, *sources)
        return whole(decomposition.target, *sources)

    return rule


def _truncated_divide_float(rounds: Rounds, x: Node, y: Node) -> Node:
    return roundings.truncate(rounds.target, x / y)


def _absolute(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    (x,) = sources
    return apply_op(decomposition, node, sources) if x.dtype.is_float else integers.absolute(x)


def _reciprocal(x: Node) -> Node:
    return 1.0 / x


def _relu(x: Node) -> Node:
    return choose(x <= 0, 0, x)


def _sign(x: Node) -> Node:
    return roundings.sign(x) if x.dtype.is_float else integers.sign(x)


def _shift(function: Callable[[Node, Node], Node]) -> Rule:
    def rule(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
        if node.dtype.kind is Kind.INDEX:
            return apply_op(decomposition, node, sources)
        return function(*sources)

    return rule


def _compare(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Compare an axis with an integer as indices, of which it is known here how they go on.

    Differences of indices wrap, as whether they are zero does not mind.
    """
    del decomposition
    x, y = sources
    if _is_place(x) and math.prod(static_shape(y)) == 1:
        sources = (x.sources[0], cast(y, dtypes.index))
    elif _is_place(y) and math.prod(static_shape(x)) == 1:
        sources = (cast(x, dtypes.index), y.sources[0])
    return intern(node.op, sources, node.attributes)


def _is_place(x: Node) -> bool:
    """Whether it is a tile of indices as integers that hold any index."""
    is_cast = x.op is conversion.cast and x.sources[0].dtype is dtypes.index
    return is_cast and x.dtype is dtypes.int64 and bool(x.shape)


def _next_after(x: Node, y: Node) -> Node:
    unsigned = dtypes.uint32 if x.dtype.bits == 32 else dtypes.uint64
    words = bitcast(x, unsigned), bitcast(y, unsigned)
    moved = bitcast(roundings.next_after(x, y, unsigned, words), x.dtype)
    return choose(equal(x, x), choose(equal(y, y), moved, y), x)


def _next_after_narrow(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Step through the numbers of the narrow format itself."""
    dtype = node.dtype
    x, y = (decomposition.widen(source, dtype) for source in sources)
    unsigned = dtypes.uint8 if dtype.bits == 8 else dtypes.uint16
    words = tuple(bitcast(source, unsigned) for source in sources)
    moved = roundings.next_after(x, y, unsigned, (words[0], words[1]))
    kept = choose(equal(x, x), choose(equal(y, y), moved, words[1]), words[0])
    return bitcast(kept, sources[0].dtype)


def _narrow_bits(operation: str) -> Rule:
    """The rule of an op on the sign of a narrow float: its bits are all that it needs."""

    def rule(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
        del decomposition
        unsigned = dtypes.uint8 if node.dtype.bits == 8 else dtypes.uint16
        words = [bitcast(source, unsigned) for source in sources]
        return bitcast(
            narrow.copy_bits(words[0], node.dtype, operation, *words[1:]), sources[0].dtype
        )

    return rule


def _cast(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    (x,) = sources
    before, after = node.sources[0].dtype, node.dtype
    if before is after:
        return x
    if narrow.is_narrow(before):
        x = decomposition.widen(x, before)
    if after.is_boolean:
        return comparison.not_equal(x, constant(0, x.dtype))
    if before.kind is Kind.INDEX and narrow.is_narrow(after):
        x = cast(x, dtypes.int64)
    if narrow.is_narrow(after):
        return decomposition.narrow(_to_float(x), after)
    if x.dtype.is_boolean and after.is_float:
        return choose(x, constant(1, after), constant(0, after))
    if x.dtype.is_float and not after.is_float:
        whole = dtypes.int64 if after.kind is Kind.INDEX else after
        return cast(integers.float_to_integer(x, whole), after)
    return cast(x, after)


def _to_float(x: Node) -> Node:
    if x.dtype.is_boolean:
        return choose(x, constant(1, dtypes.float32), constant(0, dtypes.float32))
    return x if x.dtype.is_float else narrow.from_integer(x)


def _bitcast(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    return bitcast(sources[0], narrow.storage_dtype(decomposition.target, node.dtype))


def _look_up(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    (place,) = sources
    attributes = attributes_of(node, LookUpAttributes)
    dtype = decomposition.storage(attributes.dtype)
    return look_up(decomposition.target, place, dtype, attributes.bits)


def _dot(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    """Multiply in the dtype of the accumulator, unless a matrix unit takes what is stored."""
    unit = find_matrix_unit(decomposition.target, node)
    if unit is not None:
        a, b, c = sources
        attributes = UnitAttributes(unit.name, *(source.dtype for source in node.sources[:2]))
        decomposition.has_units = True
        held = matrix.hold(c, attributes=attributes)
        held = matrix.accumulate(held, a, b, attributes=attributes)
        return matrix.release(held, attributes=attributes)
    a, b, c = map(decomposition.widen_source, node.sources, sources)
    result = tile.dot(cast(a, c.dtype), cast(b, c.dtype), c)
    return decomposition.narrow(result, node.dtype) if narrow.is_narrow(node.dtype) else result


def _reduce_sum(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    result = apply_op(decomposition, node, sources)
    return multiply_groups(decomposition.target, result) or result


def _add(decomposition: Decomposition, node: Node, sources: Sources) -> Node:
    return add_to_groups(*sources) or apply_op(decomposition, node, sources)


_FUNCTIONS: dict[Op, Rule] = {
    exponential.exp: _by_target(exponentials.exp),
    exponential.exp2: _by_target(exponentials.exp2),
    exponential.expm1: _of_sources(exponentials.expm1),
    exponential.log: _of_sources(logarithm.log),
    exponential.log1p: _of_sources(logarithm.log1p),
    exponential.log2: _of_sources(logarithm.log2),
    exponential.log10: _of_sources(logarithm.log10),
    exponential.power: _by_target(power.power),
    exponential.reciprocal_square_root: _of_sources(hyperbolic.reciprocal_square_root),
    trigonometry.sin: _by_rounds(angles.sin),
    trigonometry.cos: _by_rounds(angles.cos),
    trigonometry.tan: _by_rounds(angles.tan),
    trigonometry.asin: _of_sources(inverse.asin),
    trigonometry.acos: _of_sources(inverse.acos),
    trigonometry.atan: _of_sources(inverse.atan),
    trigonometry.atan2: _of_sources(inverse.atan2),
    trigonometry.sinh: _by_target(hyperbolic.sinh),
    trigonometry.cosh: _by_target(hyperbolic.cosh),
    trigonometry.tanh: _of_sources(hyperbolic.tanh),
    trigonometry.asinh: _of_sources(hyperbolic.asinh),
    trigonometry.acosh: _of_sources(hyperbolic.acosh),
    trigonometry.atanh: _of_sources(hyperbolic.atanh),
    special.erf: _by_target(specials.erf),
    special.lgamma: _by_rounds(specials.lgamma),
    rounding.floor: _by_target(roundings.floor),
    rounding.ceil: _by_target(roundings.ceil),
    rounding.truncate: _by_target(roundings.truncate),
    rounding.round_even: _by_target(roundings.round_even),
}

RULES: dict[Op, Rule] = {
    **{op: _of_floats(rule) for op, rule in _FUNCTIONS.items()},
    arithmetic.truncated_divide: _by_kind(integers.truncated_divide, _truncated_divide_float),
    arithmetic.truncated_remainder: _by_kind(
        integers.truncated_remainder, remainder.truncated_remainder
    ),
    arithmetic.floor_divide: _by_kind(integers.floor_divide, remainder.floor_divide),
    arithmetic.modulo: _by_kind(integers.modulo, remainder.modulo),
    arithmetic.absolute: _absolute,
    arithmetic.add: _add,
    arithmetic.sign: _of_sources(_sign),
    arithmetic.reciprocal: _of_sources(_reciprocal),
    arithmetic.fused_multiply_add: _by_target(roundings.fused_multiply_add),
    bits.shift_left: _shift(integers.shift_left),
    bits.shift_right: _shift(integers.shift_right),
    comparison.equal: _compare,
    comparison.not_equal: _compare,
    comparison.is_infinite: _of_sources(is_infinite),
    comparison.relu: _of_sources(_relu),
    random.threefry: _of_sources(integers.threefry),
    reduction.reduce_sum: _reduce_sum,
    rounding.copy_sign: _of_sources(with_sign),
    rounding.next_after: _of_sources(_next_after),
}

NARROW_RULES: dict[Op, Rule] = {
    arithmetic.negate: _narrow_bits("negate"),
    arithmetic.absolute: _narrow_bits("absolute"),
    rounding.copy_sign: _narrow_bits("copy"),
    rounding.next_after: _next_after_narrow,
}
"""Rules for narrow floats whose sources are as stored."""

STORED_RULES: dict[Op, Rule] = {
    conversion.cast: _cast,
    conversion.bitcast: _bitcast,
    look_ups.look_up: _look_up,
    tile.dot: _dot,
}
"""Rules of ops between several dtypes, which take sources as stored and give what is stored."""
