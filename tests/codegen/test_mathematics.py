"""Accuracy of the mathematical functions over dense samples, against mpmath."""

from __future__ import annotations

import mpmath
import numpy
import pytest

from tests.codegen.samples import SIZE, distance
from tests.codegen.test_elementwise import run
from tilegrad import Tensor
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.op import Op
from tilegrad.ops import exponential, special, trigonometry

# Op, function, the range to sample, and how many units in the last place the result may be away
# in float32 and float64.
CASES = [
    (exponential.exp, mpmath.exp, (-100, 88), 1, 1),
    (exponential.exp, mpmath.exp, (-1, 1), 1, 1),
    (exponential.exp2, lambda x: mpmath.mpf(2) ** x, (-148, 127), 1, 1),
    (exponential.expm1, mpmath.expm1, (-20, 80), 2, 2),
    (exponential.expm1, mpmath.expm1, (-1, 1), 2, 2),
    (exponential.log, mpmath.log, (1e-30, 1e30), 1, 1),
    (exponential.log, mpmath.log, (0.5, 2), 1, 1),
    (exponential.log2, lambda x: mpmath.log(x, 2), (0.5, 2), 1, 2),
    (exponential.log10, mpmath.log10, (0.01, 100), 1, 2),
    (exponential.log1p, mpmath.log1p, (-0.999, 10), 2, 2),
    (exponential.log1p, mpmath.log1p, (-1e-3, 1e-3), 1, 1),
    (trigonometry.sin, mpmath.sin, (-10, 10), 1, 1),
    (trigonometry.sin, mpmath.sin, (-1e6, 1e6), 1, 1),
    (trigonometry.sin, mpmath.sin, (1e6, 1e36), 1, 1),
    (trigonometry.cos, mpmath.cos, (-10, 10), 1, 1),
    (trigonometry.cos, mpmath.cos, (1e6, 1e36), 1, 1),
    (trigonometry.tan, mpmath.tan, (-10, 10), 2, 3),
    (trigonometry.asin, mpmath.asin, (-1, 1), 1, 2),
    (trigonometry.acos, mpmath.acos, (-1, 1), 1, 2),
    (trigonometry.atan, mpmath.atan, (-20, 20), 1, 2),
    (trigonometry.sinh, mpmath.sinh, (-80, 80), 1, 3),
    (trigonometry.sinh, mpmath.sinh, (-1, 1), 1, 3),
    (trigonometry.cosh, mpmath.cosh, (-80, 80), 1, 3),
    (trigonometry.tanh, mpmath.tanh, (-12, 12), 2, 3),
    (trigonometry.tanh, mpmath.tanh, (-0.5, 0.5), 2, 3),
    (trigonometry.asinh, mpmath.asinh, (-100, 100), 1, 3),
    (trigonometry.acosh, mpmath.acosh, (1, 100), 1, 3),
    (trigonometry.atanh, mpmath.atanh, (-0.999, 0.999), 1, 3),
    (special.erf, mpmath.erf, (-4, 4), 1, 2),
    (special.erf, mpmath.erf, (-0.4, 0.4), 1, 2),
    (special.erf, mpmath.erf, (1e-30, 30), 1, 2),
    (special.lgamma, mpmath.loggamma, (0.01, 60), 1, 5),
    (special.lgamma, mpmath.loggamma, (1.4, 2.6), 1, 5),
]


def sample(low: float, high: float, dtype: DType, seed: int) -> numpy.ndarray:
    generator = numpy.random.default_rng(seed)
    if low > 0 and high / low > 1e4:
        values = numpy.exp(generator.uniform(numpy.log(low), numpy.log(high), SIZE))
    else:
        values = generator.uniform(low, high, SIZE)
    return values.astype(dtype.numpy)


def exact(function, x: numpy.ndarray) -> numpy.ndarray:
    """Return the function's values, correctly rounded to the dtype of x."""
    with mpmath.workdps(60):
        values = [function(mpmath.mpf(float(value))) for value in x]
        return numpy.array([float(value) for value in values]).astype(x.dtype)


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize(
    ("op", "function", "interval", "single", "double"),
    CASES,
    ids=[f"{case[0].name}[{case[2][0]},{case[2][1]}]" for case in CASES],
)
def test_accuracy(
    op: Op, function, interval: tuple[float, float], single: int, double: int, dtype: DType
) -> None:
    x = sample(*interval, dtype, 1)
    far = distance(run(op, [x], dtype, "native"), exact(function, x))
    worst = int(numpy.argmax(far))
    assert far[worst] <= (single if dtype is dtypes.float32 else double), x[worst]


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("op", [exponential.power, trigonometry.atan2], ids=lambda op: op.name)
def test_accuracy_of_two_arguments(op: Op, dtype: DType) -> None:
    x, y = sample(1e-4, 1e4, dtype, 2), sample(-9, 9, dtype, 3)
    function = mpmath.power if op is exponential.power else mpmath.atan2
    with mpmath.workdps(60):
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        values = [float(function(mpmath.mpf(one), mpmath.mpf(other))) for one, other in pairs]
    expected = numpy.array(values).astype(dtype.numpy)
    assert distance(run(op, [x, y], dtype, "native"), expected).max() <= 2


def test_every_float16_is_right_through_float32() -> None:
    """All numbers of a format, against float64 rounded once."""
    every = numpy.arange(1 << 16, dtype=numpy.uint16).view(numpy.float16)
    for op, function in ((exponential.exp, numpy.exp), (trigonometry.sin, numpy.sin)):
        for start in range(0, 1 << 16, SIZE):
            x = every[start : start + SIZE]
            with numpy.errstate(all="ignore"):
                expected = function(x.astype(numpy.float64)).astype(numpy.float16)
            far = distance(run(op, [x], dtypes.float16, "native"), expected)
            assert far.max() <= 1


@pytest.mark.parametrize(
    "op", [exponential.exp, exponential.exp2, special.erf], ids=lambda op: op.name
)
def test_results_do_not_depend_on_the_place_in_a_vector(op: Op) -> None:
    """Tables in registers are looked up by vectors of every length, and by single numbers."""
    x = sample(-150, 130, dtypes.float32, 4)
    x[:29] = [numpy.nan, numpy.inf, -numpy.inf, 3e38, -3e38, 1e9, -1e9, *x[:22]]
    whole = run(op, [x], dtypes.float32, "native")
    for width in (1, 2, 3, 4, 7, 8, 15, 29):
        part = run(op, [x], dtypes.float32, "native", width=width)
        assert numpy.array_equal(part, whole[: len(part)], equal_nan=True), width


def test_vectors_of_several_registers() -> None:
    """Where most is computed in bytes, vectors of the floats among them take several registers."""
    x = (numpy.arange(4096) % 100 - 50).astype(numpy.int8)
    few = (((Tensor(x) + 1).maximum(Tensor(x) * 2) - Tensor(x)).maximum(0)).minimum(4)
    result = few.cast("float32").exp().cast("int8").numpy()
    exact = numpy.exp(numpy.clip(numpy.maximum(x + 1.0, x * 2.0) - x, 0, 4))
    numpy.testing.assert_array_equal(result, exact.astype(numpy.int8))
