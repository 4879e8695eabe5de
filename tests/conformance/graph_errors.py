"""How far a device may be from the reference: bounds that are carried through a graph.

Every element of a tensor has a bound on its error. Elementwise ops are evaluated at the ends of the
intervals; sums and products in any order are allowed the usual bounds. Where an error could change
a result by a jump (a comparison, a cast to an integer, an order) there is no bound: ``None``, and
such an application takes no part in a test. The sign of a zero counts as an error of that kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence

import ml_dtypes
import numpy

from tests.conformance.comparison import unit_in_last_place
from tilegrad.ir.dtype import DType, from_numpy
from tilegrad.ir.op import Op, Property
from tilegrad.ops import arithmetic, graph, indexing, movement, reduction
from tilegrad.ops.conversion import bitcast
from tilegrad.ops.indexing import ScatterAttributes
from tilegrad.ops.scan import ScanAttributes, scan

Array = numpy.ndarray

ROUNDED_ONCE = (arithmetic.add, arithmetic.subtract, arithmetic.multiply)
SELECTING = {
    *("negate", "absolute", "sign", "maximum", "minimum", "floor", "ceil", "truncate"),
    *("round", "where", "relu", "copy_sign", "bitcast"),
}
CURVED = 0.05
"""Within intervals so long, plus and minus, ops are taken to be monotonic."""
PASSING = (graph.contiguous, graph.detach, movement.concatenate)


def apply_reference(op: Op, arrays: Sequence[Array], attributes: Hashable) -> Array:
    """Return the value of an op by its reference."""
    record = () if attributes is None else (attributes,)
    with numpy.errstate(all="ignore"):
        return numpy.asarray(op.reference(*arrays, *record))  # type: ignore[misc]


def bound_error(
    op: Op,
    sources: Sequence[Array],
    errors: Sequence[Array],
    attributes: Hashable,
    result: Array,
) -> Array | None:
    """Return the bound of each element's error, or None if there is none.

    Args:
        op: what is applied.
        sources: its sources' values.
        errors: the bounds of their errors, float64, 0 where they are exact.
        attributes: the op's, or None.
        result: the reference's result.
    """
    dtype = from_numpy(result.dtype)
    if op in PASSING or op.has(Property.MOVEMENT):
        return apply_reference(op, errors, attributes)
    if op is indexing.gather:
        return apply_reference(op, [errors[0], *sources[1:]], attributes)
    with numpy.errstate(all="ignore"):
        if not dtype.is_float:
            is_known = not any(error.any() for error in errors) and _ignores_zero_signs(
                op, sources, attributes, result
            )
            return numpy.zeros(result.shape) if is_known else None
        if op.has(Property.REDUCTION) or op is scan:
            return _bound_combination(op, sources[0], errors[0], attributes, result, dtype)
        if op is indexing.scatter:
            return _bound_scatter(op, sources, errors, attributes, result, dtype)
        return _bound_elementwise(op, sources, errors, attributes, result, dtype)


def _wide(array: Array) -> Array:
    is_float = from_numpy(array.dtype).is_float
    return (
        array.astype(numpy.longdouble if array.dtype == numpy.float64 else float)
        if is_float
        else array
    )


def _ignores_zero_signs(
    op: Op, sources: Sequence[Array], attributes: Hashable, result: Array
) -> bool:
    """Whether turning the signs of zeros in the sources changes nothing but signs of zeros."""
    turned = [
        numpy.where(array == 0, -array, array).astype(array.dtype)
        if from_numpy(array.dtype).is_float
        else array
        for array in sources
    ]
    if (
        op is bitcast
        and from_numpy(sources[0].dtype).is_float
        and numpy.isnan(_f64(sources[0])).any()
    ):
        return False
    other = apply_reference(op, turned, attributes)
    return numpy.array_equal(_f64(other), _f64(result), equal_nan=True)


def _f64(array: Array) -> Array:
    return array.astype(numpy.float64) if from_numpy(array.dtype).is_float else array


def _units(values: Array, dtype: DType) -> Array:
    least = float(ml_dtypes.finfo(dtype.numpy).smallest_subnormal)
    finite = numpy.where(numpy.isfinite(values), values, 0)
    return numpy.maximum(unit_in_last_place(finite, dtype), least)


def _bound_elementwise(
    op: Op,
    sources: Sequence[Array],
    errors: Sequence[Array],
    attributes: Hashable,
    result: Array,
    dtype: DType,
) -> Array | None:
    value = _f64(result)
    if not _ignores_zero_signs(op, sources, attributes, result):
        return None
    if op is bitcast:
        return numpy.zeros(result.shape) if not any(error.any() for error in errors) else None
    total = _perturb(op, sources, errors, attributes)
    if total is None:
        return None
    is_uncertain = numpy.broadcast_to(total > 0, result.shape)
    if not numpy.isfinite(value[is_uncertain]).all():
        return None
    rounding = numpy.zeros(result.shape)
    if op.name not in SELECTING:
        rounding = _round_off(op, sources, attributes, result, dtype)
        if op in ROUNDED_ONCE and (~numpy.isfinite(value) & (rounding > 0)).any():
            return None  # an overflow, which a wider intermediate result may not have
    return numpy.where(numpy.isfinite(value), total + rounding, 0)


def _perturb(
    op: Op, sources: Sequence[Array], errors: Sequence[Array], attributes: Hashable
) -> Array | None:
    """Return how far the op's value moves when its sources move by their errors."""
    inexact = [place for place, error in enumerate(errors) if error.any()]
    if not inexact:
        return numpy.zeros(())
    is_curved = op not in ROUNDED_ONCE and op.name not in SELECTING and op.name != "cast"
    if is_curved and max(error.max(initial=0) for error in errors) > CURVED:
        return None
    exact = [_f64(array) for array in sources]
    centre = _f64(apply_reference(op, exact, attributes))
    total = numpy.zeros(centre.shape)
    for signs in itertools.product((-1, 1), repeat=len(inexact)):
        moved = list(exact)
        for place, sign in zip(inexact, signs, strict=True):
            moved[place] = exact[place] + sign * errors[place]
        off = numpy.abs(_f64(apply_reference(op, moved, attributes)) - centre)
        is_moved = sum(numpy.broadcast_to(errors[place], centre.shape) for place in inexact) > 0
        if not numpy.isfinite(off[is_moved]).all():
            return None
        total = numpy.maximum(total, numpy.where(is_moved, off, 0))
    return 1.5 * total


def _round_off(
    op: Op, sources: Sequence[Array], attributes: Hashable, result: Array, dtype: DType
) -> Array:
    """Return what rounding adds: nothing where the exact result of a sum or product fits."""
    value = _f64(result)
    if op in ROUNDED_ONCE:
        first, second = map(_wide, sources)
        exact = {"add": first + second, "subtract": first - second}.get(op.name, first * second)
        return numpy.where(exact == _wide(result), 0, _units(value, dtype))
    if op.name == "cast":
        source = sources[0]
        is_same = _wide(source) == _wide(result)
        return numpy.where(is_same, 0, _units(value, dtype))
    near_zeros = 4e-15 if op.name == "lgamma" else 0  # it crosses zero at 1 and 2, and below 0
    return (4 if dtype.bits >= 32 else 2) * _units(value, dtype) + near_zeros


def _is_sum_exact(magnitudes: Array, totals: Array, dtype: DType) -> bool:
    """Whether all sums of such numbers are exact in float32, or float64, in any order."""
    bits = 53 if dtype.bits == 64 else 24
    scaled = magnitudes * 2.0**12
    is_dyadic = (scaled == numpy.rint(scaled)) | ~numpy.isfinite(scaled)
    finite = numpy.where(numpy.isfinite(totals), totals, 0)
    return bool(is_dyadic.all() and (finite * 2.0**12 < 2.0**bits).all())


def _epsilon(dtype: DType) -> float:
    return 2.0**-53 if dtype.bits == 64 else 2.0**-24


def _bound_combination(
    op: Op, x: Array, error: Array, attributes: Hashable, result: Array, dtype: DType
) -> Array | None:
    kind = attributes.kind if isinstance(attributes, ScanAttributes) else op.name.split("_")[1]
    values, value = _f64(x), _f64(result)
    count = max(1, x.size)
    if kind in ("maximum", "minimum"):
        if error.any() and not numpy.isfinite(values).all():
            return None
        extreme = reduction.reduce_maximum
        if op is scan:
            extreme, attributes = scan, attributes._replace(kind="maximum")
        return numpy.maximum(apply_reference(extreme, [error], attributes), 0)
    is_settled = numpy.isfinite(value).all() or not numpy.isfinite(values).all()
    if not is_settled or (error.any() and not numpy.isfinite(values).all()):
        return None
    if kind in ("sum", "add"):
        totals = apply_reference(op, [numpy.abs(values)], attributes)
        rounding = 2 * count * _epsilon(dtype) * totals + _units(value, dtype)
        if _is_sum_exact(numpy.abs(values), totals, dtype):
            is_narrow = dtype.bits < 32
            rounding = _units(value, dtype) if is_narrow else numpy.zeros(result.shape)
        total = apply_reference(op, [error], attributes) + rounding
        return numpy.where(numpy.isfinite(value), total, 0)
    if error.any() or not numpy.isfinite(values).all() or (value == 0).any():
        return None
    magnitudes = numpy.log2(numpy.abs(values))
    if numpy.abs(magnitudes).sum() > (100 if dtype.bits >= 32 else 6):
        return None
    return 2 * count * _epsilon(dtype) * numpy.abs(value) + _units(value, dtype)


def _bound_scatter(
    op: Op,
    sources: Sequence[Array],
    errors: Sequence[Array],
    attributes: Hashable,
    result: Array,
    dtype: DType,
) -> Array | None:
    base, updates, *indices = sources
    assert isinstance(attributes, ScatterAttributes)
    mode = attributes.mode
    if mode == "set":
        return apply_reference(op, [*errors[:2], *indices], attributes)
    if not all(numpy.isfinite(_f64(array)).all() for array in (base, updates, result)):
        return None
    widest = attributes._replace(mode="maximum")
    if mode in ("maximum", "minimum"):
        return apply_reference(op, [*errors[:2], *indices], widest)
    value = _f64(result)
    rounding = 2 * max(1, updates.size) * _epsilon(dtype)
    if mode == "add":
        magnitudes = [numpy.abs(_f64(array)) for array in (base, updates)]
        totals = apply_reference(op, [*magnitudes, *indices], attributes)
        error = apply_reference(op, [*errors[:2], *indices], attributes)
        return error + rounding * totals + _units(value, dtype)
    if any(error.any() for error in errors):
        return None
    logarithms = numpy.abs(numpy.log2(numpy.maximum(numpy.abs(_f64(updates)), 2.0**-60)))
    if logarithms.sum() > (60 if dtype.bits >= 32 else 6):
        return None
    return rounding * numpy.abs(value) + _units(value, dtype)
