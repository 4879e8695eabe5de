"""What the elementwise ops share.

Each result element depends on one element of each source. Sources broadcast as in NumPy but without
adding axes: equal ranks, or scalars. All numeric sources of an op have one dtype; promotion is the
business of ``Tensor``.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Gradient, NotDifferentiable, Op, Property, Reference
from tilegrad.ops.infer import DTypeTest, elementwise_infer, is_float
from tilegrad.ops.leaves import constant
from tilegrad.ops.numerics import Function, in_float64

DISCRETE = NotDifferentiable("its result is discrete")


def define(
    name: str,
    documentation: str,
    arity: int,
    test: DTypeTest,
    reference: Reference,
    gradient: Gradient | NotDifferentiable,
    properties: Property = Property.NONE,
    result: DType | None = None,
) -> Op:
    """Define an elementwise op whose result has the dtype of its sources, or the one given."""
    return Op(
        name,
        documentation,
        arity,
        elementwise_infer(name, test, result),
        reference=reference,
        gradient=gradient,
        properties=properties | Property.ELEMENTWISE,
    )


def define_test(
    name: str,
    documentation: str,
    arity: int,
    test: DTypeTest,
    reference: Reference,
    properties: Property = Property.NONE,
) -> Op:
    """Define an elementwise op whose result is a bool."""
    return define(name, documentation, arity, test, reference, DISCRETE, properties, dtypes.bool)


def define_function(name: str, documentation: str, function: Function, gradient: Gradient) -> Op:
    """Define a function of one real number, given in NumPy; its float32 is correctly rounded."""
    return define(name, documentation, 1, is_float, in_float64(function), gradient)


def zero(dtype: DType) -> Node:
    """Return the scalar 0 (False)."""
    return constant(0, dtype)


def has_zero_gradient(node: Node, upstream: Node) -> tuple[None, ...]:
    """The gradient of a function that is constant between its steps: zero for every source."""
    del upstream
    return (None,) * len(node.sources)
