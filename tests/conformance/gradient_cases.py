"""Points in float64 at which ops are smooth, for finite differences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy

from tests.conformance.cases import Case
from tests.conformance.structured import indexing_cases, movement_cases, reduction_cases
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.op import NotDifferentiable, Op
from tilegrad.ops import ELEMENTWISE_OPS, GRAPH_OPS, comparison, conversion, graph

_BETWEEN_STEPS = (0.2, 0.8)
_POSITIVE = (0.4, 2.5)
DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "acos": ((-0.9, 0.9),),
    "acosh": ((1.2, 3.0),),
    "asin": ((-0.9, 0.9),),
    "atan2": (_POSITIVE, (-2.0, -0.3)),
    "atanh": ((-0.9, 0.9),),
    "ceil": (_BETWEEN_STEPS,),
    "divide": ((-2.0, 2.0), _POSITIVE),
    "floor": (_BETWEEN_STEPS,),
    "floor_divide": ((5.1, 5.3), (2.1, 2.2)),
    "lgamma": ((0.3, 6.0),),
    "log": (_POSITIVE,),
    "log10": (_POSITIVE,),
    "log1p": ((-0.6, 2.0),),
    "log2": (_POSITIVE,),
    "maximum": ((-2.0, 0.5), (0.6, 2.0)),
    "minimum": ((0.6, 2.0), (-2.0, 0.5)),
    "modulo": ((5.1, 5.3), (-2.2, -2.1)),
    "power": (_POSITIVE, (-1.5, 2.5)),
    "reciprocal": (_POSITIVE,),
    "reciprocal_square_root": (_POSITIVE,),
    "round": ((0.6, 0.9),),
    "sign": (_POSITIVE,),
    "square_root": (_POSITIVE,),
    "tan": ((-1.2, 1.2),),
    "truncate": (_BETWEEN_STEPS,),
    "truncated_divide": ((5.1, 5.3), (2.1, 2.2)),
    "truncated_remainder": ((-5.3, -5.1), (2.1, 2.2)),
}
_EVERYWHERE = ((-2.0, 2.0),) * 3
_SHAPES = ((2, 1, 3), (1, 2, 3), ())


def is_differentiable(op: Op) -> bool:
    """Whether an op has a gradient rule."""
    return not isinstance(op.gradient, NotDifferentiable)


def _uniform(interval: tuple[float, float], shape: tuple[int, ...], seed: int) -> numpy.ndarray:
    return numpy.asarray(numpy.random.default_rng(seed).uniform(*interval, shape))


def elementwise_points() -> Iterator[Case]:
    """Yield a point for every differentiable elementwise op, with broadcasting."""
    for op in ELEMENTWISE_OPS:
        if not is_differentiable(op):
            continue
        domains = DOMAINS.get(op.name, _EVERYWHERE)
        count = op.arity or 0
        inputs = tuple(_uniform(domains[i], _SHAPES[i], seed=i) for i in range(count))
        if op is comparison.where:
            condition = numpy.array([[[True], [False]]])
            inputs = (condition, inputs[0], inputs[1])
        attributes = conversion.CastAttributes(dtypes.float64) if op is conversion.cast else None
        yield Case(op, inputs, dtypes.float64, attributes)
    negative = numpy.array([-0.5, -1.4, -2.7, 0.1])
    yield Case(_named("lgamma"), (negative,), dtypes.float64, note="reflected")


def _named(name: str) -> Op:
    return next(op for op in ELEMENTWISE_OPS if op.name == name)


def graph_points() -> Iterator[Case]:
    """Yield a point for the differentiable ops that only shape the graph."""
    x, y = _uniform((-2.0, 2.0), (2, 3), 0), _uniform((-2.0, 2.0), (2, 3), 1)
    for op in GRAPH_OPS:
        if is_differentiable(op) and op is not graph.detach:
            attributes = graph.CopyAttributes("reference") if op is graph.copy else None
            yield Case(op, (x, y)[: op.arity], dtypes.float64, attributes)


def structured_points() -> Iterator[Case]:
    """Yield the conformance cases of structured ops, their data made distinct and not special."""
    sources = (movement_cases, reduction_cases, indexing_cases)
    for case in (case for source in sources for case in source(dtypes.float64)):
        is_infinite = case.note.endswith(("special", "numbers")) or case.note == "0x3-over-0"
        if is_differentiable(case.op) and not is_infinite:
            inputs = tuple(
                _distinct(array, seed) if array.dtype == numpy.float64 else array
                for seed, array in enumerate(case.inputs)
            )
            yield Case(case.op, inputs, dtypes.float64, case.attributes, case.note)


def _distinct(array: numpy.ndarray, seed: int) -> numpy.ndarray:
    generator = numpy.random.default_rng(seed)
    steps = generator.permutation(array.size).reshape(array.shape)
    return (steps + 1 + 0.3 * seed) * (1.5 / max(1, array.size)) + 0.2


def points() -> Iterator[Case]:
    """Yield a point for every differentiable op."""
    yield from elementwise_points()
    yield from graph_points()
    yield from structured_points()
