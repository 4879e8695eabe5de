"""Dtype and shape rules that the op definitions share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from itertools import pairwise

from tilegrad.base.errors import DTypeError, OutOfRangeError, ShapeError, VerifyError
from tilegrad.ir.dtype import DType, Kind, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Infer, Inferred, Shape

DTypeTest = Callable[[DType], bool]


def is_any(dtype: DType) -> bool:
    """Every dtype that has values."""
    return dtype.kind is not Kind.VOID


def is_number(dtype: DType) -> bool:
    """Every dtype but bool."""
    return is_any(dtype) and not dtype.is_boolean


def is_float(dtype: DType) -> bool:
    """Floats."""
    return dtype.is_float


def is_whole(dtype: DType) -> bool:
    """Integers and indices."""
    return dtype.is_integer or dtype.kind is Kind.INDEX


def is_bits(dtype: DType) -> bool:
    """Bool, integers and indices."""
    return is_whole(dtype) or dtype.is_boolean


def broadcast_shapes(name: str, sources: tuple[Node, ...]) -> Shape:
    """Return the common shape: equal ranks, each size equal or 1; scalars fit everything.

    Raises:
        ShapeError: the shapes do not broadcast.
    """
    shape: Shape = ()
    for source in sources:
        other = source.shape
        if not other or other == shape:
            continue
        if not shape:
            shape = other
            continue
        if len(other) != len(shape):
            raise _misfit(name, sources)
        merged = []
        for first, second in zip(shape, other, strict=True):
            if first != second and first != 1 and second != 1:
                raise _misfit(name, sources)
            merged.append(second if first == 1 else first)
        shape = tuple(merged)
    return shape


def known_sizes(shape: Shape) -> tuple[int, ...]:
    """Return a shape whose sizes are all known, as a reference sees it.

    Raises:
        VerifyError: a size is symbolic.
    """
    sizes = tuple(size for size in shape if isinstance(size, int))
    if len(sizes) != len(shape):
        raise VerifyError("a symbolic size must get its value before evaluation", got=shape)
    return sizes


def check_axes(name: str, axes: tuple[int, ...], rank: int) -> None:
    """Check that axes exist, increase and do not repeat.

    Raises:
        OutOfRangeError: an axis does not exist.
        ShapeError: the axes are not in strictly increasing order.
    """
    if any(not 0 <= axis < rank for axis in axes):
        raise OutOfRangeError(
            f"{name}: no such axis", got=axes, expected=f"axes from 0 to {rank - 1}"
        )
    if any(first >= second for first, second in pairwise(axes)):
        raise ShapeError(f"{name}: the axes must increase", got=axes, expected=sorted(set(axes)))


def check_rank(name: str, count: int, source: Node) -> None:
    """Check that there is one attribute per axis.

    Raises:
        ShapeError: there are more or fewer.
    """
    if count != len(source.shape):
        raise ShapeError(
            f"{name}: the rank is wrong", got=count, expected=f"{len(source.shape)} axes"
        )


def _misfit(name: str, sources: tuple[Node, ...]) -> ShapeError:
    return ShapeError(
        f"{name}: the shapes do not broadcast",
        got=" and ".join(str(source.shape) for source in sources),
        expected="equal ranks, and in each place equal sizes or a 1",
    )


def refuse_dtype(name: str, source: Node, expected: str) -> DTypeError:
    """Return the error for a source whose dtype the op does not take."""
    return DTypeError(f"{name} does not take this dtype", got=source.dtype.name, expected=expected)


def elementwise_infer(name: str, test: DTypeTest, result: DType | None = None) -> Infer:
    """Return the rule: sources of one dtype that passes ``test``; result of it or ``result``."""
    expected = (test.__doc__ or "").rstrip(".").lower()

    def infer(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
        del attributes
        dtype = sources[0].dtype
        if not test(dtype):
            raise refuse_dtype(name, sources[0], expected)
        for source in sources:
            if source.dtype is not dtype:
                if not test(source.dtype):
                    raise refuse_dtype(name, source, expected)
                raise DTypeError(
                    f"{name}: the dtypes differ",
                    got=f"{dtype.name} and {source.dtype.name}",
                    expected="one dtype; cast one operand",
                )
        return result or dtype, broadcast_shapes(name, sources)

    return infer


def infer_same(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    """The rule of what has the dtype and shape of its first source."""
    del attributes
    return sources[0].dtype, sources[0].shape


def infer_where(sources: tuple[Node, ...], attributes: Hashable) -> Inferred:
    """The rule of ``where``: a bool condition and two values of one dtype."""
    del attributes
    condition, chosen, other = sources
    if condition.dtype is not dtypes.bool:
        raise refuse_dtype("where", condition, "a bool condition")
    if chosen.dtype is not other.dtype:
        raise DTypeError(
            "where: the dtypes of the two values differ",
            got=f"{chosen.dtype.name} and {other.dtype.name}",
            expected="one dtype; cast one value",
        )
    return chosen.dtype, broadcast_shapes("where", sources)
