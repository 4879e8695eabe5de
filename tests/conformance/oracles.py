"""What elementwise ops must give, by Python's integers, exact fractions and torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy
import torch

from tests.conformance.cases import Case
from tests.conformance.rounding import nearest_array
from tilegrad.ir.dtype import DType, Kind, dtypes


def _quotient(x: int, y: int) -> int:
    return 0 if y == 0 else abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def _shift_left(x: int, y: int) -> int:
    return x << y if 0 <= y < 64 else 0


def _shift_right(x: int, y: int) -> int:
    return x >> (y if 0 <= y < 64 else 64)


WHOLE: dict[str, Callable[..., int]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "floor_divide": lambda x, y: x // y if y else 0,
    "modulo": lambda x, y: x % y if y else 0,
    "truncated_divide": _quotient,
    "truncated_remainder": lambda x, y: x - _quotient(x, y) * y if y else 0,
    "negate": lambda x: -x,
    "absolute": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "relu": lambda x: max(x, 0),
    "maximum": max,
    "minimum": min,
    "bitwise_not": lambda x: ~x,
    "bitwise_and": lambda x, y: x & y,
    "bitwise_or": lambda x, y: x | y,
    "bitwise_xor": lambda x, y: x ^ y,
    "shift_left": _shift_left,
    "shift_right": _shift_right,
}
TESTS: dict[str, Callable[..., bool]] = {
    "less": lambda x, y: x < y,
    "less_equal": lambda x, y: x <= y,
    "equal": lambda x, y: x == y,
    "not_equal": lambda x, y: x != y,
    "is_nan": math.isnan,
    "is_infinite": math.isinf,
}
EXACT: dict[str, Callable[..., torch.Tensor]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.true_divide,
    "reciprocal": torch.reciprocal,
    "floor_divide": torch.floor_divide,
    "truncated_divide": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "floor": torch.floor,
    "ceil": torch.ceil,
    "truncate": torch.trunc,
    "round": torch.round,
}
SELECTING: dict[str, Callable[..., torch.Tensor]] = {
    "negate": torch.neg,
    "absolute": torch.abs,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "copy_sign": torch.copysign,
    "relu": lambda x: torch.where(x <= 0, 0.0, x),
}
# Vectorised fmod, remainder and sqrt of torch are neither exact nor right for subnormal numbers.
SCALAR: dict[str, Callable[..., float]] = {
    "modulo": lambda x, y: math.nan if y == 0 or math.isinf(x) else x % y,
    "truncated_remainder": lambda x, y: math.nan if y == 0 or math.isinf(x) else math.fmod(x, y),
    "square_root": lambda x: math.sqrt(x) if x >= 0 else math.nan,
}
CLOSE: dict[str, Callable[..., torch.Tensor]] = {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "reciprocal_square_root": torch.rsqrt,
    "power": torch.pow,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "atan2": torch.atan2,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "asinh": torch.asinh,
    "acosh": torch.acosh,
    "atanh": torch.atanh,
    "erf": torch.erf,
    "lgamma": torch.lgamma,
}


def expected_of(case: Case) -> tuple[numpy.ndarray, float] | None:
    """Return the expected result and how many units in the last place it may be off, or None."""
    name, dtype = case.op.name, case.dtype
    if name == "cast":
        return convert(case.inputs[0], dtype, case.attributes.dtype), 0  # type: ignore[union-attr]
    if name == "where":
        condition, chosen, other = numpy.broadcast_arrays(*case.inputs)
        picked = other.copy()
        picked[condition] = chosen[condition]
        return picked, 0
    if name in TESTS:
        values = [widen(array) if dtype.is_float else array for array in case.inputs]
        return _map(TESTS[name], values).astype(bool), 0
    if dtype.is_float:
        return _float_result(case)
    return (_whole_result(case), 0) if name in WHOLE else None


def widen(array: numpy.ndarray) -> numpy.ndarray:
    """Return floats as float64, which holds the numbers of every dtype."""
    with numpy.errstate(invalid="ignore"):  # raised by signalling NaN
        return array.astype(numpy.float64)


def _map(function: Callable[..., Any], arrays: list[numpy.ndarray]) -> numpy.ndarray:
    spread = numpy.broadcast_arrays(*arrays)
    columns = [array.ravel().tolist() for array in spread]
    results = numpy.empty(spread[0].size, object)
    results[:] = [function(*row) for row in zip(*columns, strict=True)]
    return results.reshape(spread[0].shape)


def wrap(value: int, dtype: DType) -> int:
    """Return an integer modulo the dtype's range."""
    if dtype.is_boolean:
        return bool(value & 1)
    low = value & ((1 << dtype.bits) - 1)
    return low - (1 << dtype.bits) if not dtype.is_unsigned and low >> (dtype.bits - 1) else low


def _whole_result(case: Case) -> numpy.ndarray:
    function = WHOLE[case.op.name]
    exact = _map(lambda *row: wrap(function(*row), case.dtype), list(case.inputs))
    return exact.astype(case.dtype.numpy)


def _float_result(case: Case) -> tuple[numpy.ndarray, float] | None:
    name, dtype = case.op.name, case.dtype
    sources = [widen(array) for array in case.inputs]
    narrow = numpy.float64 if dtype is dtypes.float64 else numpy.float32
    with numpy.errstate(all="ignore"):
        if name in SCALAR:
            result = _map(SCALAR[name], sources).astype(narrow)
            return round_to(result, dtype), 0
        if name in CLOSE:
            result = CLOSE[name](*map(torch.from_numpy, sources)).numpy().astype(narrow)
            return round_to(result, dtype), 1 if dtype is not dtypes.float64 else 4
        operands = [torch.from_numpy(source.astype(narrow)) for source in sources]
    if name in SELECTING:
        return SELECTING[name](*operands).numpy().astype(dtype.numpy), 0
    return (round_to(EXACT[name](*operands).numpy(), dtype), 0) if name in EXACT else None


def round_to(values: numpy.ndarray, dtype: DType) -> numpy.ndarray:
    """Round float32 values to a narrow dtype by torch (float16, bfloat16) or exactly (FP8)."""
    if dtype.bits >= 32:
        return values
    if dtype is dtypes.float16:
        return torch.from_numpy(values).to(torch.float16).numpy()
    if dtype is dtypes.bfloat16:
        bits = torch.from_numpy(values).to(torch.bfloat16).view(torch.int16).numpy()
        return bits.view(dtype.numpy)
    distinct, place = numpy.unique(values.view(numpy.int32), return_inverse=True)
    return nearest_array(distinct.view(numpy.float32), dtype)[place].reshape(values.shape)


def convert(values: numpy.ndarray, dtype: DType, target: DType) -> numpy.ndarray:
    """Convert one value after the other."""
    plain = widen(values) if dtype.is_float else values
    if target is dtype:
        return values
    if target.is_float:
        if plain.dtype == bool:
            plain = plain.astype(numpy.int64)
        return nearest_array(plain, target)
    return _map(lambda value: _to_discrete(value, target), [plain]).astype(target.numpy)


def _to_discrete(value: float, target: DType) -> int:
    if target.is_boolean:
        return value != 0
    if isinstance(value, float):
        if math.isnan(value):
            return 0
        if math.isinf(value):
            return int(target.minimum if value < 0 else target.maximum)
        return min(max(math.trunc(value), int(target.minimum)), int(target.maximum))
    return value if target.kind is Kind.INDEX and value < 1 << 63 else wrap(int(value), target)
