"""How elements combine in reductions, scans, scatters and atomic updates.

The kinds are add, multiply, maximum and minimum.
"""

from __future__ import annotations

from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic, bits
from tilegrad.ops.leaves import Number

_OPS = {
    "add": arithmetic.add,
    "multiply": arithmetic.multiply,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
}
_BOOL_OPS = {"maximum": bits.bitwise_or, "minimum": bits.bitwise_and}


def combining_op(kind: str, dtype: DType) -> Op:
    """Return the op that combines two values of a dtype."""
    return (_BOOL_OPS if dtype.is_boolean else _OPS)[kind]


def identity(kind: str, dtype: DType) -> Number:
    """Return the value that changes nothing when it is combined (-0 for sums of floats)."""
    if kind == "add":
        return -0.0 if dtype.is_float else 0
    if kind == "multiply":
        return 1
    return dtype.minimum if kind == "maximum" else dtype.maximum


def accumulator(kind: str, dtype: DType) -> DType:
    """Return the dtype in which values of a dtype are combined: of narrow sums it is float32."""
    is_narrow = dtype.is_float and dtype.bits < 32
    return dtypes.float32 if is_narrow and kind in ("add", "multiply") else dtype
