"""What structured ops must give, by loops over positions and exact fractions."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy

from tests.conformance.cases import Case
from tests.conformance.oracles import widen, wrap
from tests.conformance.rounding import nearest
from tilegrad.ir.dtype import DType, dtypes

Position = tuple[int, ...]


def expected_of(case: Case) -> numpy.ndarray:
    """Return the expected result of a case."""
    return _ORACLES[case.op.name](case)


def _positions(shape: Position) -> Iterator[Position]:
    return itertools.product(*map(range, shape))


def _pick(case: Case, find: Callable[[Position], Position | None]) -> numpy.ndarray:
    """Return the result whose elements are found at the positions given, 0 where there is none."""
    (x,) = case.inputs
    result = numpy.zeros(case.build().shape, x.dtype)
    for place in _positions(result.shape):
        source = find(place)
        if source is not None:
            result[place] = x[source]
    return result


def _reshape(case: Case) -> numpy.ndarray:
    result = numpy.zeros(case.build().shape, case.inputs[0].dtype)
    for place, source in zip(
        _positions(result.shape), _positions(case.inputs[0].shape), strict=True
    ):
        result[place] = case.inputs[0][source]
    return result


def _permute(case: Case) -> numpy.ndarray:
    order: Any = case.attributes.order  # type: ignore[union-attr]
    return _pick(case, lambda place: tuple(place[order.index(i)] for i in range(len(order))))


def _expand(case: Case) -> numpy.ndarray:
    shape = case.inputs[0].shape
    return _pick(
        case, lambda place: tuple(0 if s == 1 else p for p, s in zip(place, shape, strict=True))
    )


def _inside(place: Position, shape: Position) -> Position | None:
    return place if all(0 <= p < s for p, s in zip(place, shape, strict=True)) else None


def _pad(case: Case) -> numpy.ndarray:
    padding: Any = case.attributes.padding  # type: ignore[union-attr]
    shape = case.inputs[0].shape
    return _pick(
        case,
        lambda place: _inside(
            tuple(p - before for p, (before, _) in zip(place, padding, strict=True)), shape
        ),
    )


def _shrink(case: Case) -> numpy.ndarray:
    bounds: Any = case.attributes.bounds  # type: ignore[union-attr]
    return _pick(
        case, lambda place: tuple(p + start for p, (start, _) in zip(place, bounds, strict=True))
    )


def _flip(case: Case) -> numpy.ndarray:
    axes: Any = case.attributes.axes  # type: ignore[union-attr]
    shape = case.inputs[0].shape
    return _pick(
        case,
        lambda place: tuple(shape[i] - 1 - p if i in axes else p for i, p in enumerate(place)),
    )


def _slide(case: Case) -> numpy.ndarray:
    axis, along, _, stride, dilation = case.attributes  # type: ignore[misc]

    def find(place: Position) -> Position:
        shift = 0 if along is None else place[along] * dilation
        return (*place[:axis], place[axis] * stride + shift, *place[axis + 1 :])

    return _pick(case, find)


def _unslide(case: Case) -> numpy.ndarray:
    axis, along, _, stride, dilation = case.attributes  # type: ignore[misc]
    shape = case.inputs[0].shape

    def find(place: Position) -> Position | None:
        shift = 0 if along is None else place[along] * dilation
        step, remainder = divmod(place[axis] - shift, stride)
        return None if remainder else _inside((*place[:axis], step, *place[axis + 1 :]), shape)

    return _pick(case, find)


def _concatenate(case: Case) -> numpy.ndarray:
    axis: Any = case.attributes.axis  # type: ignore[union-attr]
    rows = [row for x in case.inputs for row in numpy.moveaxis(x, axis, 0)]
    return numpy.stack(rows, axis)


def _combine(kind: str, values: list[Any], dtype: DType) -> Any:
    """Combine numbers exactly and round once."""
    if kind in {"maximum", "minimum"}:
        if dtype.is_float and any(map(math.isnan, values)):
            return math.nan
        pick = max if kind == "maximum" else min
        nothing = dtype.minimum if kind == "maximum" else dtype.maximum
        return pick(values, default=nothing)
    combine = (lambda x, y: x + y) if kind == "add" else (lambda x, y: x * y)
    start = 0 if kind == "add" else 1
    if not dtype.is_float:
        return wrap(functools.reduce(combine, values, start), dtype)
    return nearest(functools.reduce(combine, map(Fraction, values), Fraction(start)), dtype)


def _plain(array: numpy.ndarray, dtype: DType) -> numpy.ndarray:
    return widen(array) if dtype.is_float else array


def _reduce(case: Case) -> numpy.ndarray:
    kind = {"sum": "add", "product": "multiply"}.get(case.op.name[7:], case.op.name[7:])
    axes: Any = case.attributes.axes  # type: ignore[union-attr]
    x = _plain(case.inputs[0], case.dtype)
    result = numpy.zeros(case.build().shape, case.dtype.numpy)
    for place in _positions(result.shape):
        row = x[tuple(slice(None) if i in axes else p for i, p in enumerate(place))]
        result[place] = _combine(kind, row.ravel().tolist(), case.dtype)
    return result


def _scan(case: Case) -> numpy.ndarray:
    axis, kind = case.attributes  # type: ignore[misc]
    x = _plain(case.inputs[0], case.dtype)
    result = numpy.zeros(x.shape, case.dtype.numpy)
    for place in _positions(x.shape):
        row = x[(*place[:axis], slice(place[axis] + 1), *place[axis + 1 :])]
        result[place] = _combine(kind, row.tolist(), case.dtype)
    return result


def _places(
    axes: tuple[int, ...], indices: tuple[numpy.ndarray, ...], shape: Position
) -> Iterator[tuple[Position, Position, Position]]:
    """Yield the position in the index tensors, the other position, and the one they select."""
    rest = [size for axis, size in enumerate(shape) if axis not in axes]
    for place in _positions(indices[0].shape):
        chosen = [int(index[place]) for index in indices]
        for other in _positions(tuple(rest)):
            remaining = iter(other)
            yield (
                place,
                other,
                tuple(
                    chosen[axes.index(axis)] if axis in axes else next(remaining)
                    for axis in range(len(shape))
                ),
            )


def _gather(case: Case) -> numpy.ndarray:
    data, *indices = case.inputs
    axes: Any = case.attributes.axes  # type: ignore[union-attr]
    result = numpy.zeros(case.build().shape, data.dtype)
    for place, other, target in _places(axes, tuple(indices), data.shape):
        if _inside(target, data.shape) is not None:
            result[place + other] = data[target]
    return result


def _scatter(case: Case) -> numpy.ndarray:
    base, updates, *indices = case.inputs
    axes, mode = case.attributes  # type: ignore[misc]
    result, heaps = base.copy(), {}
    for place, other, target in _places(axes, tuple(indices), base.shape):
        if _inside(target, base.shape) is None:
            continue
        value = updates[place + other]
        if mode == "set":
            result[target] = value
        else:
            heaps.setdefault(target, [_number(base[target], case)]).append(_number(value, case))
    for target, values in heaps.items():
        result[target] = _combine(mode, values, case.dtype)
    return result


def _number(value: Any, case: Case) -> Any:
    return float(value) if case.dtype.is_float else value.item()


def _argsort(case: Case) -> numpy.ndarray:
    axis, is_descending, _ = case.attributes  # type: ignore[misc]
    rows = numpy.moveaxis(_plain(case.inputs[0], case.dtype), axis, -1)
    result = numpy.zeros(rows.shape, numpy.int64)
    for place in _positions(rows.shape[:-1]):
        row = rows[place].tolist()
        numbers = [i for i, value in enumerate(row) if value == value]
        others = [i for i, value in enumerate(row) if value != value]
        # Python's sort is stable also when reversed.
        result[place] = sorted(numbers, key=row.__getitem__, reverse=is_descending) + others
    return numpy.moveaxis(result, -1, axis)


def _sort(case: Case) -> numpy.ndarray:
    axis, is_descending = case.attributes  # type: ignore[misc]
    rows = numpy.moveaxis(_plain(case.inputs[0], case.dtype), axis, -1)
    result = numpy.zeros(rows.shape, case.dtype.numpy)
    for place in _positions(rows.shape[:-1]):
        row = rows[place].tolist()
        numbers = [value for value in row if value == value]
        others = [value for value in row if value != value]
        key = functools.partial(math.copysign, 1) if case.dtype.is_float else float
        numbers.sort(key=lambda value: (value, key(value)), reverse=is_descending)
        result[place] = numbers + others
    return numpy.moveaxis(result, -1, axis)


_ORACLES: dict[str, Callable[[Case], numpy.ndarray]] = {
    "reshape": _reshape,
    "permute": _permute,
    "expand": _expand,
    "pad": _pad,
    "shrink": _shrink,
    "flip": _flip,
    "slide": _slide,
    "unslide": _unslide,
    "concatenate": _concatenate,
    "reduce_sum": _reduce,
    "reduce_product": _reduce,
    "reduce_maximum": _reduce,
    "reduce_minimum": _reduce,
    "scan": _scan,
    "gather": _gather,
    "scatter": _scatter,
    "sort": _sort,
    "argsort": _argsort,
}


def result_dtype(case: Case) -> DType:
    """Return the dtype of a case's result."""
    return dtypes.int64 if case.op.name == "argsort" else case.dtype
