"""The data types of the standard that tensors have, and functions of them."""

from __future__ import annotations

from dataclasses import dataclass

from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DTypeError
from tilegrad.ir.dtype import DType, dtypes, promote
from tilegrad.tensor import Tensor
from tilegrad.tensor.arguments import resolve_dtype
from tilegrad.tensor.base import weak_dtype

int8 = dtypes.int8
int16 = dtypes.int16
int32 = dtypes.int32
int64 = dtypes.int64
uint8 = dtypes.uint8
uint16 = dtypes.uint16
uint32 = dtypes.uint32
uint64 = dtypes.uint64
float32 = dtypes.float32
float64 = dtypes.float64

SIGNED = (int8, int16, int32, int64)
UNSIGNED = (uint8, uint16, uint32, uint64)
REAL = (float32, float64)
KINDS: dict[str, tuple[DType, ...]] = {
    "bool": (dtypes.bool,),
    "signed integer": SIGNED,
    "unsigned integer": UNSIGNED,
    "integral": SIGNED + UNSIGNED,
    "real floating": REAL,
    "complex floating": (),
    "numeric": SIGNED + UNSIGNED + REAL,
}
"""The dtypes of the standard by the names that it gives to groups of them."""


@dataclass(frozen=True, slots=True)
class FloatInformation:
    """Limits of a floating-point dtype, as Python's floats.

    Attributes:
        bits: bits of an element.
        eps: distance from 1 to the next larger number.
        max: greatest finite number.
        min: least finite number.
        smallest_normal: least positive number of full precision.
        dtype: the dtype.
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True, slots=True)
class IntegerInformation:
    """Limits of an integer dtype.

    Attributes:
        bits: bits of an element.
        max: greatest number.
        min: least number.
        dtype: the dtype.
    """

    bits: int
    max: int
    min: int
    dtype: DType


def finfo(type: DType | Tensor, /) -> FloatInformation:
    """Return the limits of a floating-point dtype, or of a tensor's.

    Raises:
        DTypeError: it is none.
    """
    dtype = _dtype_of(type)
    if not dtype.is_float:
        raise DTypeError("finfo needs a floating-point dtype", got=dtype.name)
    found = dtype.limits
    return FloatInformation(
        bits=dtype.bits,
        eps=float(found.eps),
        max=float(found.max),
        min=float(found.min),
        smallest_normal=float(found.smallest_normal),
        dtype=dtype,
    )


def iinfo(type: DType | Tensor, /) -> IntegerInformation:
    """Return the limits of an integer dtype, or of a tensor's.

    Raises:
        DTypeError: it is none.
    """
    dtype = _dtype_of(type)
    if not dtype.is_integer:
        raise DTypeError("iinfo needs an integer dtype", got=dtype.name)
    return IntegerInformation(dtype.bits, int(dtype.maximum), int(dtype.minimum), dtype)


def isdtype(dtype: DType, kind: DType | str | tuple[DType | str, ...]) -> bool:
    """Return whether a dtype is another, belongs to a kind, or is any of several of those.

    The kinds are "bool", "signed integer", "unsigned integer", "integral", "real floating",
    "complex floating" and "numeric"; floats that the standard does not know are "real floating".

    Raises:
        ArgumentError: there is no such kind.
    """
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, DType):
        return dtype is kind
    if kind not in KINDS:
        raise ArgumentError("unknown kind of dtype", got=repr(kind), expected=", ".join(KINDS))
    return dtype in KINDS[kind] or (dtype.is_float and kind in ("real floating", "numeric"))


def can_cast(from_: DType | Tensor, to: DType, /) -> bool:
    """Return whether every value of a dtype (or tensor) can be had in another of its kind."""
    source, target = _dtype_of(from_), resolve_dtype(to)
    is_one_kind = source.is_boolean == target.is_boolean and source.is_float == target.is_float
    return is_one_kind and promote(source, target) is target


def result_type(*arrays_and_dtypes: Tensor | DType | bool | float) -> DType:
    """Return the dtype in which tensors, dtypes and Python's numbers meet.

    Raises:
        ArgumentTypeError: there is neither a tensor nor a dtype.
    """
    numbers = [one for one in arrays_and_dtypes if isinstance(one, (int, float))]
    found = [_dtype_of(one) for one in arrays_and_dtypes if not isinstance(one, (int, float))]
    if not found:
        raise ArgumentTypeError(
            "result_type needs a tensor or a dtype", got=f"{len(numbers)} numbers"
        )
    result = found[0]
    for dtype in found[1:]:
        result = promote(result, dtype)
    for number in numbers:
        result = weak_dtype(result, number)
    return result


def astype(x: Tensor, dtype: DType, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """Return the values in another dtype, and on another device if one is named.

    Floats go to integers toward zero and saturate. ``copy`` makes no difference to a value; with
    False the tensor itself is returned where there is nothing to do.
    """
    result = x.cast(dtype)
    result = result if device is None else result.to(device)
    return Tensor(result) if copy and result is x else result


def _dtype_of(value: DType | Tensor) -> DType:
    return value.dtype if isinstance(value, Tensor) else resolve_dtype(value)
