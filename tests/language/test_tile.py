"""Operators, movement, reductions and scans of tiles against NumPy, on both devices."""

import operator

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.language.running import close, on_both, run
from tilegrad import Tensor, dtypes, kernel
from tilegrad import language as tl
from tilegrad.base.errors import TilegradError
from tilegrad.ops import ELEMENTWISE_OPS

X = numpy.random.default_rng(1).standard_normal((4, 6)).astype(numpy.float32)
Y = numpy.random.default_rng(2).standard_normal((4, 6)).astype(numpy.float32) + 3
N = numpy.random.default_rng(3).integers(-50, 50, (4, 6)).astype(numpy.int32)
J = numpy.random.default_rng(4).integers(1, 7, (4, 6)).astype(numpy.int32)


def apply(function, *arrays, device):
    """Run a function of tiles that hold whole arrays."""

    @kernel
    def whole(build, x, y=None):
        build.grid(1)
        value = function(x[...]) if y is None else function(x[...], y[...])
        out = build.output(value.shape, value.dtype)
        out[...] = value
        return out

    return run(whole, *arrays, device=device)


FLOATS = [
    lambda x, y: x + y,
    lambda x, y: 2 - x * y,
    lambda x, y: 1 / (x / y),
    lambda x, y: abs(-x) ** y,
    lambda x, y: x // y,
    lambda x, y: x % y,
    lambda x, y: (x < y) | (x >= 1),
    lambda x, y: (x == y) ^ ~(x != y),
]
INTEGERS = [
    lambda x, y: x + y * 3,
    lambda x, y: x // y - x % y,
    lambda x, y: (x & y) | (x ^ 5),
    lambda x, y: (x << y) >> 1,
    lambda x, y: ~x + y,
    lambda x, y: (x > y) & (x <= 20),
]
ORDER = {tl.Tile: (0, 2), numpy.ndarray: (2, 1, 0)}
MOVEMENT = [
    lambda x, y: (x - y).reshape(3, 8),
    lambda x, y: (x - y).reshape(2, 2, 6).transpose(*ORDER[type(x)]),
    lambda x, y: x[:, None] + y[None],
    lambda x, y: x.sum(1)[:, None] * y,
    lambda x, y: x + y.sum(0),
]


@on_both
@pytest.mark.parametrize("number", range(len(FLOATS)))
def test_operators_on_floats(number, device):
    function = FLOATS[number]
    close(apply(function, X, Y, device=device), function(X, Y))


@on_both
@pytest.mark.parametrize("number", range(len(INTEGERS)))
def test_operators_on_integers(number, device):
    function = INTEGERS[number]
    numpy.testing.assert_array_equal(apply(function, N, J, device=device), function(N, J))


@on_both
@pytest.mark.parametrize("number", range(len(MOVEMENT)))
def test_movement_and_broadcasting(number, device):
    function = MOVEMENT[number]
    close(apply(function, X, Y, device=device), function(X, Y))


UNARY = ["exp", "exp2", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "floor", "ceil"]
UNARY += ["trunc", "round", "sign", "isnan", "isinf"]
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "reciprocal"]


@on_both
@pytest.mark.parametrize("name", [*UNARY, *POSITIVE])
def test_functions(name, device):
    found = apply(getattr(tl, name), Y, device=device)
    close(found, getattr(numpy, name)(Y))


@on_both
def test_functions_of_several_tiles(device):
    def several(x, y):
        return tl.where(x < y, tl.maximum(x, 0.5), tl.fma(x, y, 1.0)) + tl.minimum(
            1, tl.atan2(x, y)
        )

    expected = numpy.where(X < Y, numpy.maximum(X, 0.5), X * Y + 1)
    close(apply(several, X, Y, device=device), expected + numpy.minimum(1, numpy.arctan2(X, Y)))


@on_both
@pytest.mark.parametrize("dtype", [dtypes.uint8, dtypes.int8, dtypes.int32, dtypes.index])
@pytest.mark.parametrize("number", [dtypes.int8, dtypes.float32, dtypes.bfloat16])
def test_numbers_of_a_table(number, dtype, device):
    table = numpy.arange(-6, 26, dtype=numpy.float32)

    def found(x):
        return tl.look_up(x.cast(dtype), table.tolist(), number).cast(dtypes.float32)

    numpy.testing.assert_array_equal(apply(found, N, device=device), table[N % 32])


REDUCTIONS = ["sum", "prod", "max", "min", "argmax", "argmin", "any", "all"]


@on_both
@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_reductions(name, axis, device):
    found = apply(lambda x: getattr(x, name)(axis), X, device=device)
    close(found, getattr(X, name)(axis))


@on_both
def test_reductions_over_all_axes(device):
    close(
        apply(lambda x, y: x.sum() + y.max((0, 1), keepdim=True), X, Y, device=device),
        [[X.sum() + Y.max()]],
    )


@on_both
def test_positions_are_reduced(device):
    def positions(x):
        return (tl.arange(6).sum() + tl.arange(4)[:, None] * x.argmax(0)).cast(dtypes.int32)

    found = apply(positions, N, device=device)
    expected = 15 + numpy.arange(4)[:, None] * N.argmax(0)
    numpy.testing.assert_array_equal(found, expected)


SCANS = {"cumsum": numpy.cumsum, "cumprod": numpy.cumprod}
SCANS |= {"cummax": numpy.maximum.accumulate, "cummin": numpy.minimum.accumulate}


@given(
    st.sampled_from(sorted(SCANS)),
    st.lists(st.integers(1, 40), min_size=1, max_size=2),
    st.integers(0, 1),
    st.sampled_from(["reference", "cpu"]),
)
def test_scans(name, shape, axis, device):
    axis = min(axis, len(shape) - 1)
    x = numpy.random.default_rng(5).uniform(0.9, 1.1, shape).astype(numpy.float32)
    found = apply(lambda x: getattr(x, name)(axis), x, device=device)
    close(found, SCANS[name](x, axis=axis), 1e-4)


@on_both
@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16", "int8", "uint16", "bool"])
def test_casts(dtype, device):
    found = apply(lambda x: x.cast(getattr(dtypes, dtype)), Y, device=device)
    expected = Tensor(Y, device="reference").cast(getattr(dtypes, dtype)).numpy()
    numpy.testing.assert_array_equal(found, expected)


@on_both
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16", "int32", "int8"])
def test_dot(dtype, device):
    kind = getattr(dtypes, dtype)
    a = Tensor(N[:, :5], device=device).cast(kind)
    b = Tensor(J.T[:5], device=device).cast(kind)

    @kernel
    def product(build, a, b):
        build.grid(1)
        value = tl.dot(a[...], b[...])
        out = build.output(value.shape, value.dtype)
        out[...] = value
        return out

    expected = N[:, :5].astype(numpy.float64) @ J.T[:5]
    close(product(a, b).numpy().astype(numpy.float64), expected)


@on_both
def test_positions_mix_with_integers(device):
    def mixed(x, y):
        place = tl.arange(6)
        return tl.where((place % 4 // 2 == 1) & (place != 3), x + place.cast(dtypes.int32), y)

    place = numpy.arange(6)
    expected = numpy.where((place % 4 // 2 == 1) & (place != 3), N + place, J)
    numpy.testing.assert_array_equal(apply(mixed, N, J, device=device), expected)


NO_OPS = ("known", "choice", "accumulator_of", "full", "zeros", "ones", "arange", "dot", "Size")
NO_OPS += ("Array", "Choice", "KernelBuilder", "KernelLoop", "Span", "Tile")


def test_every_elementwise_op_can_be_written():
    names = [name for name in tl.__all__ if name not in NO_OPS]
    made = set()
    for x in (
        tl.full((2,), 1.5),
        tl.full((2,), 3, dtypes.uint64),
        tl.full((2,), True, dtypes.bool),
    ):
        attempts = [lambda x=x, name=name: getattr(tl, name)(x) for name in names]
        attempts += [lambda x=x, name=name: getattr(tl, name)(x, x) for name in names]
        attempts += [lambda x=x: tl.where(x == x, x, x), lambda x=x: tl.fma(x, x, x)]
        attempts += [lambda x=x: x.cast(dtypes.int32), lambda x=x: x.bitcast(dtypes.int32)]
        attempts += [lambda x=x, op=op: op(x, x) for op in BINARY]
        attempts += [lambda x=x: -x, lambda x=x: ~x, lambda x=x: abs(x)]
        made |= {node.op for attempt in attempts for node in _nodes(attempt)}
    missing = {op.name for op in ELEMENTWISE_OPS if op not in made}
    assert not missing


BINARY = [getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "floordiv", "mod")]
BINARY += [getattr(operator, name) for name in ("pow", "and_", "or_", "xor", "lshift", "rshift")]
BINARY += [getattr(operator, name) for name in ("lt", "le", "eq", "ne")]


def _nodes(attempt):
    try:
        value = attempt()
    except (TilegradError, TypeError):
        return []
    return [value.node] if isinstance(value, tl.Tile) else []
