"""For each function of the standard, the dtypes that it takes and how to draw a call of it."""

from __future__ import annotations

import numpy

from tests.array_api.drawing import EVERY, FLOATS, INTEGERS, NUMERIC, Type, call

BITS = ("bool", *INTEGERS)
CASES = {}


def case(*names, dtypes=EVERY):
    """Enter a function that draws a call under the names of functions that it serves."""

    def enter(draw_call):
        for name in names:
            CASES[name] = (dtypes, lambda draw, name=name: draw_call(draw, name))
        return draw_call

    return enter


# --- elementwise ----------------------------------------------------------------------------------


@case("acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "exp", dtypes=FLOATS)
@case("expm1", "log", "log1p", "log2", "log10", "reciprocal", "signbit", "sin", dtypes=FLOATS)
@case("sinh", "sqrt", "tan", "tanh", dtypes=FLOATS)
@case("abs", "ceil", "floor", "isfinite", "isinf", "isnan", "negative", dtypes=NUMERIC)
@case("positive", "round", "sign", "square", "trunc", dtypes=NUMERIC)
@case("bitwise_invert", dtypes=BITS)
@case("logical_not", dtypes=("bool",))
def _unary(draw, name):
    return call(name, draw.array())


def _operands(draw, low=None, high=None):
    first, second = draw.shapes()
    return draw.array(first), draw.array(second, low=low, high=high)


@case("add", "greater", "greater_equal", "less", "less_equal", dtypes=NUMERIC)
@case("maximum", "minimum", "multiply", "subtract", dtypes=NUMERIC)
@case("atan2", "copysign", "divide", "hypot", "logaddexp", "nextafter", dtypes=FLOATS)
@case("bitwise_and", "bitwise_or", "bitwise_xor", dtypes=BITS)
@case("logical_and", "logical_or", "logical_xor", dtypes=("bool",))
@case("equal", "not_equal")
def _binary(draw, name):
    first, second = _operands(draw)
    kind = draw.pick("arrays", "left number", "right number")
    if kind == "left number":
        return call(name, draw.scalar(), second)
    return call(name, first, draw.scalar() if kind == "right number" else second)


@case("bitwise_left_shift", "bitwise_right_shift", dtypes=INTEGERS)
def _shift(draw, name):
    return call(name, *_operands(draw, 0, numpy.iinfo(draw.dtype).bits - 1))


@case("floor_divide", "remainder", dtypes=NUMERIC)
def _whole_division(draw, name):
    low = None if draw.dtype in FLOATS else 1
    return call(name, *_operands(draw, low))


@case("pow", dtypes=NUMERIC)
def _power(draw, name):
    low = None if draw.dtype in FLOATS else 0
    first, second = _operands(draw, low, 6)
    return call(name, first, draw.scalar(low, 6) if draw.flag() else second)


@case("clip", dtypes=NUMERIC)
def _clip(draw, name):
    first, second = draw.shapes()
    array = draw.array(numpy.broadcast_shapes(first, second))
    bounds = sorted((draw.scalar(-5, 5), draw.scalar(-5, 5)))
    low = draw.pick(None, bounds[0], numpy.full(second, bounds[0], draw.dtype))
    high = draw.pick(None, bounds[1], numpy.full(second, bounds[1], draw.dtype))
    return call(name, array, low, max=high)


# --- creation -------------------------------------------------------------------------------------


@case("arange", dtypes=NUMERIC)
def _arange(draw, name):
    start, stop = draw.scalar(0, 9), draw.scalar(0, 30)
    step = draw.pick(1, 2, 3, 0.5) if draw.dtype in FLOATS else draw.pick(1, 2, 3)
    if draw.flag():
        return call(name, stop, dtype=draw.type)
    return call(name, start, stop, step, dtype=draw.type)


@case("linspace", dtypes=FLOATS)
def _linspace(draw, name):
    ends = draw.scalar(), draw.scalar()
    return call(name, *ends, draw.number(0, 9), dtype=draw.type, endpoint=draw.flag())


@case("ones", "zeros")
def _filled(draw, name):
    shape = draw.shape()
    return call(name, shape if draw.flag() else draw.number(0, 5), dtype=draw.type)


@case("full")
def _full(draw, name):
    return call(name, draw.shape(), draw.scalar(), dtype=draw.type)


@case("full_like")
def _full_like(draw, name):
    return call(name, draw.array(), draw.scalar())


@case("ones_like", "zeros_like")
def _like(draw, name):
    return call(name, draw.array(), dtype=draw.pick(None, Type("int8"), Type("float32")))


@case("eye")
def _eye(draw, name):
    sizes = draw.number(0, 4), draw.pick(None, 0, 1, 3, 5)
    return call(name, *sizes, k=draw.number(-6, 6), dtype=draw.type)


@case("meshgrid")
def _meshgrid(draw, name):
    vectors = [draw.array((draw.number(0, 3),)) for _ in range(draw.number(1, 3))]
    return call(name, *vectors, indexing=draw.pick("xy", "ij"))


@case("tril", "triu")
def _triangle(draw, name):
    return call(name, draw.array(draw.shape(least=2)), k=draw.number(-5, 5))


@case("asarray")
def _asarray(draw, name):
    return call(name, draw.array(), copy=draw.pick(None, True))


@case("astype")
def _astype(draw, name):
    to = draw.pick(*EVERY)
    array = draw.array(low=0, high=30, special=False)
    return call(name, array, Type(to), copy=draw.flag())


# --- manipulation ---------------------------------------------------------------------------------


@case("broadcast_arrays")
def _broadcast_arrays(draw, name):
    return call(name, *(draw.array(shape) for shape in draw.shapes(draw.number(1, 3))))


@case("broadcast_to")
def _broadcast_to(draw, name):
    first, second = draw.shapes()
    return call(name, draw.array(first), numpy.broadcast_shapes(first, second))


@case("concat")
def _concat(draw, name):
    shape = list(draw.shape(least=1))
    if draw.flag():
        return call(name, [draw.array(draw.shape()) for _ in range(3)], axis=None)
    axis, parts = draw.axis(len(shape)), []
    for _ in range(draw.number(1, 3)):
        shape[axis] = draw.number(0, 3)
        parts.append(draw.array(tuple(shape)))
    return call(name, parts, axis=axis)


@case("expand_dims")
def _expand_dims(draw, name):
    array = draw.array()
    return call(name, array, axis=draw.axis(array.ndim + 1))


@case("flip")
def _flip(draw, name):
    array = draw.array()
    return call(name, array, axis=draw.axes(array.ndim))


@case("moveaxis")
def _moveaxis(draw, name):
    array = draw.array(draw.shape(least=1))
    return call(name, array, draw.axis(array.ndim), draw.axis(array.ndim))


@case("permute_dims")
def _permute_dims(draw, name):
    array = draw.array()
    order = sorted(range(array.ndim), key=lambda _: draw.number(0, 9))
    return call(name, array, tuple(order))


@case("repeat")
def _repeat(draw, name):
    array = draw.array(draw.shape(least=1))
    axis = draw.pick(None, draw.axis(array.ndim))
    size = array.size if axis is None else array.shape[axis]
    counts = draw.array((size,), dtype="int64", low=0, high=3)
    return call(name, array, draw.pick(draw.number(0, 3), counts), axis=axis)


@case("reshape")
def _reshape(draw, name):
    array = draw.array()
    options = [(array.size,), (1, array.size), array.shape, array.shape[::-1]]
    return call(name, array, draw.pick(*options, *[(-1,)] * bool(array.size)))


@case("roll")
def _roll(draw, name):
    array = draw.array()
    axes = draw.axes(array.ndim) or None
    if isinstance(axes, tuple):
        return call(name, array, tuple(draw.number(-5, 5) for _ in axes), axis=axes)
    return call(name, array, draw.number(-5, 5), axis=axes)


@case("squeeze")
def _squeeze(draw, name):
    shape = draw.shape(max_side=2)
    places = [place for place, size in enumerate(shape) if size == 1]
    return call(name, draw.array(shape), axis=draw.pick(tuple(places), *places))


@case("stack")
def _stack(draw, name):
    shape = draw.shape()
    arrays = [draw.array(shape) for _ in range(draw.number(1, 3))]
    return call(name, arrays, axis=draw.axis(len(shape) + 1))


@case("tile")
def _tile(draw, name):
    return call(name, draw.array(), draw.shape(max_side=2))


@case("unstack")
def _unstack(draw, name):
    array = draw.array(draw.shape(least=1))
    return call(name, array, axis=draw.axis(array.ndim))


# --- searching, sorting, sets ---------------------------------------------------------------------


@case("argmax", "argmin", dtypes=NUMERIC)
def _find(draw, name):
    shape = draw.shape(min_side=1)
    axis = draw.pick(None, draw.axis(len(shape))) if shape else None
    return call(name, draw.array(shape), axis=axis, keepdims=draw.flag())


@case("all", "any", "count_nonzero")
def _test(draw, name):
    shape, keywords = draw.along()
    return call(name, draw.array(shape), **keywords)


@case("nonzero")
def _nonzero(draw, name):
    return call(name, draw.array(draw.shape(least=1)))


@case("searchsorted", dtypes=NUMERIC)
def _searchsorted(draw, name):
    array = draw.array((draw.number(1, 9),), low=0, high=5, special=False)
    values = draw.array(low=0, high=6, special=False)
    keywords = {"side": draw.pick("left", "right")}
    if draw.flag():
        return call(name, array, values, sorter=numpy.argsort(array), **keywords)
    return call(name, numpy.sort(array), values, **keywords)


@case("where")
def _where(draw, name):
    shapes = draw.shapes(3)
    condition = draw.array(shapes[0], dtype="bool")
    choices = [draw.array(shapes[1]), draw.array(shapes[2])]
    if draw.flag():
        choices[draw.number(0, 1)] = draw.scalar()
    return call(name, condition, *choices)


@case("take")
def _take(draw, name):
    array = draw.array(draw.shape(least=1, min_side=1))
    axis = draw.axis(array.ndim)
    size = array.shape[axis]
    indices = draw.array((draw.number(0, 5),), dtype="int64", low=0, high=size - 1)
    return call(name, array, indices, axis=None if array.ndim == 1 and draw.flag() else axis)


@case("take_along_axis")
def _take_along_axis(draw, name):
    array = draw.array(draw.shape(least=1, min_side=1))
    axis = draw.axis(array.ndim)
    shape = list(array.shape)
    shape[axis] = draw.number(0, 4)
    indices = draw.array(tuple(shape), dtype="int64", low=0, high=array.shape[axis] - 1)
    return call(name, array, indices, axis=axis)


@case("argsort", "sort", dtypes=NUMERIC)
def _sort(draw, name):
    array = draw.array(draw.shape(least=1), low=-2, high=2, special=False)
    return call(name, array, axis=draw.axis(array.ndim), descending=draw.flag())


@case("unique_all", "unique_counts", "unique_inverse", "unique_values")
def _unique(draw, name):
    return call(name, draw.array(low=-2, high=2))


# --- statistics and linear algebra ----------------------------------------------------------------


@case("max", "min", dtypes=NUMERIC)
def _extreme(draw, name):
    shape, keywords = draw.along()
    return call(name, draw.array(shape), **keywords)


@case("prod", "sum", dtypes=NUMERIC)
def _sum(draw, name):
    shape, keywords = draw.along()
    dtype = draw.pick(None, draw.type, Type("float64"))
    return call(name, draw.array(shape), dtype=dtype, **keywords)


@case("mean", dtypes=FLOATS)
def _mean(draw, name):
    shape, keywords = draw.along()
    return call(name, draw.array(shape), **keywords)


@case("std", "var", dtypes=FLOATS)
def _variance(draw, name):
    shape = tuple(size + 1 for size in draw.shape(min_side=1))
    keywords = {"axis": draw.pick(None, *range(len(shape))), "keepdims": draw.flag()}
    correction = draw.pick(0.0, 1.0, 0.5) if shape else 0.0
    return call(name, draw.array(shape), correction=correction, **keywords)


@case("cumulative_prod", "cumulative_sum", dtypes=NUMERIC)
def _running(draw, name):
    array = draw.array(draw.shape(least=1), low=-2, high=2)
    axis = None if array.ndim == 1 and draw.flag() else draw.axis(array.ndim)
    dtype = draw.pick(None, draw.type)
    return call(name, array, axis=axis, dtype=dtype, include_initial=draw.flag())


@case("diff", dtypes=NUMERIC)
def _diff(draw, name):
    array = draw.array(draw.shape(least=1, min_side=2, max_side=4))
    axis = draw.axis(array.ndim)
    around = {}
    for side in ("prepend", "append"):
        shape = list(array.shape)
        shape[axis] = draw.number(0, 2)
        around[side] = draw.pick(None, draw.array(tuple(shape)))
    return call(name, array, axis=axis, n=draw.number(0, 2), **around)


@case("matmul", dtypes=NUMERIC)
def _matmul(draw, name):
    first, second = draw.shapes()
    rows, inner, columns = (draw.number(0, 4) for _ in range(3))
    left = (inner,) if draw.flag() else (*first, rows, inner)
    right = (inner,) if draw.flag() else (*second, inner, columns)
    return call(name, draw.array(left, special=False), draw.array(right, special=False))


@case("matrix_transpose")
def _matrix_transpose(draw, name):
    return call(name, draw.array(draw.shape(least=2)))


@case("tensordot", dtypes=NUMERIC)
def _tensordot(draw, name):
    left, right = draw.array((2, 3, 4), special=False), draw.array((3, 4, 2), special=False)
    axes = draw.pick(0, 1, 2, ((1,), (0,)), ((2, 1), (1, 0)), ((0, -1), (2, -2)))
    if axes == 1:
        right = draw.array((4, 2), special=False)
    return call(name, left, right, axes=axes)


@case("vecdot", dtypes=NUMERIC)
def _vecdot(draw, name):
    first, second = draw.shapes()
    size, axis = draw.number(0, 4), draw.pick(-1, -2)
    if axis == -1 or not first or not second:
        shapes, axis = ((*first, size), (*second, size)), -1
    else:
        shapes = tuple((*one[:-1], size, one[-1]) for one in (first, second))
    return call(name, *(draw.array(shape, special=False) for shape in shapes), axis=axis)
