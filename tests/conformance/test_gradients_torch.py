"""Gradients where they are a convention (ties, kinks, zeros, infinities, NaN) against torch."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy
import pytest
import torch

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import Op
from tilegrad.ops import (
    arithmetic,
    comparison,
    exponential,
    indexing,
    reduction,
    rounding,
    trigonometry,
)
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.scan import ScanAttributes, scan
from tilegrad.tensor.autodiff import gradients

Array = numpy.ndarray
INF, NAN = numpy.inf, numpy.nan
SPECIAL = numpy.array([0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, INF, -INF, NAN])
PAIRS = tuple(map(numpy.ravel, numpy.meshgrid(SPECIAL, SPECIAL, indexing="ij")))
ROWS = numpy.array(
    [[1.0, 3.0, 3.0, 2.0], [0.0, 2.0, 5.0, -1.0], [0.0, 4.0, 0.0, 2.0], [-0.0, 0.0, 0.0, 0.0]]
)
WITH_NAN = numpy.array([[1.0, NAN, 3.0, 3.0], [INF, INF, 1.0, -INF]])


def check(
    op: Op,
    inputs: tuple[Array, ...],
    function: Callable[..., torch.Tensor],
    attributes: Hashable = None,
    constants: tuple[Array, ...] = (),
) -> None:
    """Compare the gradients of an op with those of a torch function."""
    leaves = {_leaf(array): array for array in (*inputs, *constants)}
    node = op(*leaves, attributes=attributes)
    shape = tuple(int(size) for size in node.shape)  # type: ignore[arg-type]
    weight = numpy.arange(1.0, 1.0 + numpy.prod(shape, dtype=int)).reshape(shape)
    upstream = _leaf(weight)
    found = gradients([node], list(leaves)[: len(inputs)], [upstream])
    values = {**leaves, upstream: weight}
    actual = evaluate([n for n in found if n is not None], values.__getitem__, {})
    sources = [torch.tensor(array, requires_grad=True) for array in inputs]
    function(*sources).backward(torch.from_numpy(weight))
    for got, source in zip(actual, sources, strict=True):
        assert source.grad is not None
        numpy.testing.assert_allclose(got, source.grad.numpy(), rtol=1e-12)


def _leaf(array: Array) -> object:
    dtype = dtypes.float64 if array.dtype == numpy.float64 else dtypes.int64
    storage = Storage("reference", dtype, array.size)
    return buffer(attributes=BufferAttributes(storage, array.shape, 0))


UNARY = {
    arithmetic.absolute: torch.abs,
    arithmetic.reciprocal: torch.reciprocal,
    comparison.relu: torch.relu,
    exponential.square_root: torch.sqrt,
    exponential.log: torch.log,
    exponential.log1p: torch.log1p,
    exponential.exp: torch.exp,
    trigonometry.asin: torch.asin,
    trigonometry.atan: torch.atan,
    trigonometry.tanh: torch.tanh,
}
BINARY = {
    arithmetic.maximum: torch.maximum,
    arithmetic.minimum: torch.minimum,
    arithmetic.divide: torch.div,
    arithmetic.multiply: torch.mul,
    exponential.power: torch.pow,
}


@pytest.mark.parametrize("op", UNARY, ids=str)
def test_unary(op: Op):
    is_sign = op is arithmetic.absolute  # its slope at NaN is NaN here, 0 in torch
    check(op, (SPECIAL[:-1] if is_sign else SPECIAL,), UNARY[op])


@pytest.mark.parametrize("op", BINARY, ids=str)
def test_binary(op: Op):
    check(op, PAIRS, BINARY[op])


def test_copy_sign():
    is_finite = numpy.isfinite(PAIRS[0])
    magnitude, sign = PAIRS[0][is_finite], PAIRS[1][is_finite]
    check(
        rounding.copy_sign,
        (magnitude,),
        lambda x: torch.copysign(x, torch.from_numpy(sign)),
        constants=(sign,),
    )


@pytest.mark.parametrize("values", [ROWS, WITH_NAN], ids=["numbers", "special"])
def test_reduce_maximum_and_minimum(values: Array):
    for axes in ((1,), (0, 1)):
        attributes = ReduceAttributes(axes)
        for op, function in (
            (reduction.reduce_maximum, torch.amax),
            (reduction.reduce_minimum, torch.amin),
        ):
            check(op, (values,), lambda x, f=function, a=axes: f(x, a, keepdim=True), attributes)


def test_reduce_product_with_zeros():
    check(
        reduction.reduce_product,
        (ROWS,),
        lambda x: torch.prod(x, 1, keepdim=True),
        ReduceAttributes((1,)),
    )


@pytest.mark.parametrize("values", [ROWS, WITH_NAN], ids=["numbers", "special"])
def test_scan_maximum_and_minimum(values: Array):
    for kind, function in (("maximum", torch.cummax), ("minimum", torch.cummin)):
        check(scan, (values,), lambda x, f=function: f(x, 1).values, ScanAttributes(1, kind))


def test_scan_multiply_with_zeros():
    check(scan, (ROWS,), lambda x: torch.cumprod(x, 1), ScanAttributes(1, "multiply"))


def test_gradient_of_gradient_of_product_with_zeros():
    """Differentiate twice at two zeros in one row."""
    x = _leaf(ROWS)
    product = reduction.reduce_product(x, attributes=ReduceAttributes((1,)))
    (first,) = gradients([reduction.sum_over(product, (0,))], [x])
    (second,) = gradients([reduction.sum_over(first, (0, 1))], [x])
    (actual,) = evaluate([second], {x: ROWS}.__getitem__, {})
    source = torch.tensor(ROWS, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.prod(source, 1).sum(), source, create_graph=True)
    (expected,) = torch.autograd.grad(slope.sum(), source)
    numpy.testing.assert_allclose(actual, expected.numpy())


@pytest.mark.parametrize("mode", ["add", "multiply", "maximum", "minimum"])
def test_scatter_with_ties_and_zeros(mode: str):
    base = numpy.array([2.0, 3.0, 1.0, 4.0])
    updates = numpy.array([2.0, 0.0, 5.0, 5.0, -1.0, 4.0, 3.0])
    index = numpy.array([0, 1, 2, 2, 0, 3, 1])
    name = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}[mode]
    check(
        indexing.scatter,
        (base, updates),
        lambda x, y: x.scatter_reduce(0, torch.from_numpy(index), y, name),
        indexing.ScatterAttributes((0,), mode),
        constants=(index,),
    )
