"""Data types and the promotion lattice."""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy

from tilegrad.base.errors import DTypeError

if TYPE_CHECKING:
    import ml_dtypes


class Kind(enum.Enum):
    """What the values of a dtype are."""

    BOOLEAN = "boolean"
    SIGNED = "signed"
    UNSIGNED = "unsigned"
    FLOAT = "float"
    INDEX = "index"
    """Unbounded integers of index arithmetic: laws of exact integers hold; run as 64-bit."""
    VOID = "void"
    """The type of effects (stores, blocks, loops), which have no value."""


@dataclass(frozen=True, eq=False, slots=True)
class DType:
    """A data type. There is one instance per type, so identity is equality.

    Attributes:
        name: the public name, as in ``dtypes.float32``.
        kind: what the values are.
        bits: width of one element in bits.
        exponent: exponent bits of a float, else 0.
        mantissa: explicitly stored mantissa bits of a float, else 0.
    """

    name: str
    kind: Kind
    bits: int
    exponent: int = 0
    mantissa: int = 0

    def __repr__(self) -> str:
        return f"dtypes.{self.name}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return from_name, (self.name,)

    @property
    def itemsize(self) -> int:
        """Bytes of one element in memory."""
        return max(1, self.bits // 8)

    @property
    def is_float(self) -> bool:
        """Whether this is a floating-point type."""
        return self.kind is Kind.FLOAT

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed or unsigned integer (not bool, not index)."""
        return self.kind is Kind.SIGNED or self.kind is Kind.UNSIGNED

    @property
    def is_unsigned(self) -> bool:
        """Whether this is an unsigned integer."""
        return self.kind is Kind.UNSIGNED

    @property
    def is_boolean(self) -> bool:
        """Whether this is bool."""
        return self.kind is Kind.BOOLEAN

    @property
    def numpy(self) -> numpy.dtype:
        """The NumPy equivalent (bfloat16 and FP8 from ml_dtypes; index is int64)."""
        return _numpy_dtype(self)

    @property
    def limits(self) -> ml_dtypes.finfo | numpy.finfo:
        """What the libraries say of a floating-point type: ``max``, ``smallest_normal``, ..."""
        if self.name not in _EXTENSIONS:
            return numpy.finfo(self.numpy)
        from ml_dtypes import finfo

        return finfo(self.numpy)

    @property
    def minimum(self) -> int | float | bool:
        """The least finite-or-infinite value: -inf for floats that have it, else the least."""
        if self.is_float:
            return -float("inf") if has_infinity(self) else float(self.limits.min)
        if self.is_boolean:
            return False
        return 0 if self.is_unsigned else -(1 << (self.bits - 1))

    @property
    def maximum(self) -> int | float | bool:
        """The greatest value: inf for floats that have it, else the greatest finite one."""
        if self.is_float:
            return float("inf") if has_infinity(self) else float(self.limits.max)
        if self.is_boolean:
            return True
        return (1 << self.bits) - 1 if self.is_unsigned else (1 << (self.bits - 1)) - 1


def has_infinity(dtype: DType) -> bool:
    """Whether a float dtype can hold infinities (FP8 E4M3 cannot)."""
    return dtype is not dtypes.float8_e4m3


class dtypes:  # noqa: N801 - a namespace, spelt as users of PyTorch and tinygrad expect
    """All dtypes by name."""

    bool = DType("bool", Kind.BOOLEAN, 1)
    int8 = DType("int8", Kind.SIGNED, 8)
    int16 = DType("int16", Kind.SIGNED, 16)
    int32 = DType("int32", Kind.SIGNED, 32)
    int64 = DType("int64", Kind.SIGNED, 64)
    uint8 = DType("uint8", Kind.UNSIGNED, 8)
    uint16 = DType("uint16", Kind.UNSIGNED, 16)
    uint32 = DType("uint32", Kind.UNSIGNED, 32)
    uint64 = DType("uint64", Kind.UNSIGNED, 64)
    float8_e4m3 = DType("float8_e4m3", Kind.FLOAT, 8, exponent=4, mantissa=3)
    float8_e5m2 = DType("float8_e5m2", Kind.FLOAT, 8, exponent=5, mantissa=2)
    float16 = DType("float16", Kind.FLOAT, 16, exponent=5, mantissa=10)
    bfloat16 = DType("bfloat16", Kind.FLOAT, 16, exponent=8, mantissa=7)
    float32 = DType("float32", Kind.FLOAT, 32, exponent=8, mantissa=23)
    float64 = DType("float64", Kind.FLOAT, 64, exponent=11, mantissa=52)
    index = DType("index", Kind.INDEX, 64)
    void = DType("void", Kind.VOID, 0)


STORABLE: tuple[DType, ...] = (
    dtypes.bool,
    dtypes.int8,
    dtypes.int16,
    dtypes.int32,
    dtypes.int64,
    dtypes.uint8,
    dtypes.uint16,
    dtypes.uint32,
    dtypes.uint64,
    dtypes.float8_e4m3,
    dtypes.float8_e5m2,
    dtypes.float16,
    dtypes.bfloat16,
    dtypes.float32,
    dtypes.float64,
)
"""The dtypes that a tensor can have."""

_ALL = (*STORABLE, dtypes.index, dtypes.void)
_BY_NAME = {dtype.name: dtype for dtype in _ALL}
_EXTENSIONS = {
    "bfloat16": "bfloat16",
    "float8_e4m3": "float8_e4m3fn",
    "float8_e5m2": "float8_e5m2",
}
"""What ml_dtypes calls the dtypes that NumPy lacks. It is loaded when one of them is met."""


@functools.cache
def _numpy_dtype(dtype: DType) -> numpy.dtype:
    if dtype.kind is Kind.VOID:
        raise DTypeError("void has no NumPy equivalent")
    if dtype.kind is Kind.INDEX:
        return numpy.dtype(numpy.int64)
    if dtype.name not in _EXTENSIONS:
        return numpy.dtype(dtype.name)
    import ml_dtypes

    return numpy.dtype(getattr(ml_dtypes, _EXTENSIONS[dtype.name]))


def from_name(name: str) -> DType:
    """Return the dtype called ``name``.

    Raises:
        DTypeError: no dtype has that name.
    """
    if name not in _BY_NAME:
        raise DTypeError("unknown dtype", got=repr(name), expected=f"one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def from_numpy(dtype: object) -> DType:
    """Return the equivalent of a NumPy dtype (or anything that ``numpy.dtype`` accepts).

    Raises:
        DTypeError: there is no equivalent (complex numbers, strings, objects, dates).
    """
    wanted = numpy.dtype(dtype)  # type: ignore[arg-type]
    found = _BY_NUMPY.get(wanted) or _BY_EXTENSION.get(wanted.name)
    if found is None or found.numpy != wanted:
        names = ", ".join(_BY_NAME)
        raise DTypeError(
            "this NumPy dtype has no equivalent", got=wanted, expected=f"one of {names}"
        )
    return found


_BY_NUMPY = {dtype.numpy: dtype for dtype in STORABLE if dtype.name not in _EXTENSIONS}
_BY_EXTENSION = {extension: _BY_NAME[name] for name, extension in _EXTENSIONS.items()}
_INTEGERS = {
    (kind, bits): _BY_NAME[f"{'u' if kind is Kind.UNSIGNED else ''}int{bits}"]
    for kind in (Kind.SIGNED, Kind.UNSIGNED)
    for bits in (8, 16, 32, 64)
}


def promote(first: DType, second: DType) -> DType:
    """Return the dtype in which values of two dtypes meet.

    The lattice: bool below every number; integers of one signedness widen; signed meets unsigned in
    the next wider signed type, and float64 where none is wide enough; a float beats every integer
    (an int64 and a float16 meet in float16, as in PyTorch); two floats meet in the smallest float
    that holds both exactly (float16 and bfloat16 in float32, the two FP8 formats in float16).
    """
    if first is second:
        return first
    if first.kind is Kind.VOID or second.kind is Kind.VOID:
        raise DTypeError("effects have no value to compute with", got=f"{first} and {second}")
    if first.is_boolean or second.is_boolean:
        return second if first.is_boolean else first
    if first.is_float and second.is_float:
        return _join_floats(first, second)
    if first.is_float or second.is_float:
        return first if first.is_float else second
    if first.kind is Kind.INDEX or second.kind is Kind.INDEX:
        return dtypes.index
    if first.kind is second.kind:
        return first if first.bits > second.bits else second
    signed, unsigned = (first, second) if second.is_unsigned else (second, first)
    if signed.bits > unsigned.bits:
        return signed
    wider = unsigned.bits * 2
    return _INTEGERS[Kind.SIGNED, wider] if wider <= 64 else dtypes.float64


def _join_floats(first: DType, second: DType) -> DType:
    exponent = max(first.exponent, second.exponent)
    mantissa = max(first.mantissa, second.mantissa)
    for candidate in STORABLE:
        if candidate.is_float and candidate.exponent >= exponent and candidate.mantissa >= mantissa:
            return candidate
    return dtypes.float64
