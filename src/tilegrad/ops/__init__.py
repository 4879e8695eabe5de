"""The ops, each defined once: meaning, dtype and shape rule, NumPy reference and gradient.

Imports only ``base`` and ``ir``. Enter at ``TENSOR_OPS``, the explicit tuple of the ops of tensor
graphs; an op is a value like ``arithmetic.add``, and calling it makes a node. In reading order:

* What definitions share: ``infer`` (dtype and shape rules), ``numerics`` (how references compute),
  ``elementwise``; ``compiler_ops``, for ops that only the compiler makes.
* Ops of tensors: ``leaves``; elementwise ones are ``arithmetic``, ``rounding``, ``exponential``,
  ``trigonometry``, ``special``, ``comparison``, ``bits``, ``random``, ``conversion``; ``reduction``
  and ``scan`` (``combining``); ``movement`` and ``windows``; ``indexing`` (``positions``,
  ``scatter_sources``) and ``sorting``; ``graph`` and ``markers``. ``operators`` are Python's,
  ``weights`` say how much work each op is, and ``evaluate`` computes a graph by the references.
* Index arithmetic: ``affine`` is its normal form, ``bounds`` are what values can be, and
  ``symbolic`` has the functions that keep it normal.
* Below the tensor graph: ``kernel``; ``tile`` with ``memory`` and ``atomic``, which ``build``
  (``frame``) writes and a ``program`` can be launched of; ``linear`` with ``mathematics``,
  ``look_up`` and ``matrix``, of which a ``linear_program`` is made. ``dialects`` says which ops
  each of them has.
"""

from __future__ import annotations

from tilegrad.ir.dialect import Dialect
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import (
    affine,
    arithmetic,
    bits,
    comparison,
    conversion,
    exponential,
    graph,
    indexing,
    leaves,
    markers,
    movement,
    random,
    reduction,
    rounding,
    scan,
    sorting,
    special,
    trigonometry,
    windows,
)
from tilegrad.ops.operators import NodeOperators

Node.operators = NodeOperators()

LEAF_OPS: tuple[Op, ...] = (
    leaves.constant_op,
    leaves.buffer,
    leaves.symbol,
    leaves.iota,
)
ELEMENTWISE_OPS: tuple[Op, ...] = (
    arithmetic.add,
    arithmetic.subtract,
    arithmetic.multiply,
    arithmetic.divide,
    arithmetic.reciprocal,
    arithmetic.fused_multiply_add,
    arithmetic.floor_divide,
    arithmetic.modulo,
    arithmetic.truncated_divide,
    arithmetic.truncated_remainder,
    arithmetic.negate,
    arithmetic.absolute,
    arithmetic.sign,
    arithmetic.maximum,
    arithmetic.minimum,
    rounding.floor,
    rounding.ceil,
    rounding.truncate,
    rounding.round_even,
    rounding.copy_sign,
    rounding.next_after,
    exponential.exp,
    exponential.exp2,
    exponential.expm1,
    exponential.log,
    exponential.log2,
    exponential.log10,
    exponential.log1p,
    exponential.square_root,
    exponential.reciprocal_square_root,
    exponential.power,
    trigonometry.sin,
    trigonometry.cos,
    trigonometry.tan,
    trigonometry.asin,
    trigonometry.acos,
    trigonometry.atan,
    trigonometry.atan2,
    trigonometry.sinh,
    trigonometry.cosh,
    trigonometry.tanh,
    trigonometry.asinh,
    trigonometry.acosh,
    trigonometry.atanh,
    special.erf,
    special.lgamma,
    comparison.less,
    comparison.less_equal,
    comparison.equal,
    comparison.not_equal,
    comparison.is_nan,
    comparison.is_infinite,
    comparison.where,
    comparison.relu,
    bits.bitwise_not,
    bits.bitwise_and,
    bits.bitwise_or,
    bits.bitwise_xor,
    bits.shift_left,
    bits.shift_right,
    random.threefry,
    conversion.cast,
    conversion.bitcast,
)
REDUCTION_OPS: tuple[Op, ...] = (
    reduction.reduce_sum,
    reduction.reduce_product,
    reduction.reduce_maximum,
    reduction.reduce_minimum,
)
MOVEMENT_OPS: tuple[Op, ...] = (
    movement.reshape,
    movement.permute,
    movement.expand,
    movement.pad,
    movement.shrink,
    movement.flip,
    movement.concatenate,
    windows.slide,
    windows.unslide,
)
INDEXING_OPS: tuple[Op, ...] = (
    scan.scan,
    indexing.gather,
    indexing.scatter,
    sorting.sort,
    sorting.argsort,
)
GRAPH_OPS: tuple[Op, ...] = (
    graph.contiguous,
    graph.detach,
    graph.assign,
    graph.copy,
    graph.call,
    graph.result,
)
SYMBOLIC_OPS: tuple[Op, ...] = (affine.affine, affine.product)

TENSOR_OPS: tuple[Op, ...] = (
    *LEAF_OPS,
    *ELEMENTWISE_OPS,
    *REDUCTION_OPS,
    *MOVEMENT_OPS,
    *INDEXING_OPS,
    *GRAPH_OPS,
    *markers.MARKERS,
    *SYMBOLIC_OPS,
)
"""Every op of tensor graphs."""

tensor = Dialect(
    "tensor",
    "A graph of whole tensors, as the user's code built it: values with a dtype and a shape, from "
    "realised buffers and constants to the tensors that are wanted.",
    TENSOR_OPS,
)
