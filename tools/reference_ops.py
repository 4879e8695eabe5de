"""Makes the page of the ops: what each means, takes and gives, from its definition."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.op import NotDifferentiable, Op, Property
from tilegrad.ops import (
    ELEMENTWISE_OPS,
    GRAPH_OPS,
    INDEXING_OPS,
    LEAF_OPS,
    MOVEMENT_OPS,
    REDUCTION_OPS,
    SYMBOLIC_OPS,
)
from tilegrad.ops.comparison import where
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer
from tilegrad.ops.markers import MARKERS
from tilegrad.ops.reduction import ReduceAttributes

INTRODUCTION = """\
# Ops

Every op of a tensor graph, as it is defined: `f(x, y)` with its meaning, the dtypes of its sources
and its gradient. All sources of an elementwise op have one dtype, and broadcast where their sizes
are 1 or they are scalars. float16, bfloat16 and the FP8 formats are computed in float32 and rounded
once; integers wrap around."""

GROUPS: tuple[tuple[str, tuple[Op, ...]], ...] = (
    ("Leaves", LEAF_OPS),
    ("Elementwise", ELEMENTWISE_OPS),
    ("Reductions", REDUCTION_OPS),
    ("Movement", MOVEMENT_OPS),
    ("Scans, indexing and sorting", INDEXING_OPS),
    ("Graph", GRAPH_OPS),
    ("Markers", MARKERS),
    ("Index arithmetic", SYMBOLIC_OPS),
)
FAMILIES: tuple[tuple[str, tuple[DType, ...]], ...] = (
    ("bool", (dtypes.bool,)),
    ("integers", tuple(dtype for dtype in STORABLE if dtype.is_integer)),
    ("floats", tuple(dtype for dtype in STORABLE if dtype.is_float)),
    ("index", (dtypes.index,)),
)
LAWS = (Property.COMMUTATIVE, Property.ASSOCIATIVE, Property.IDEMPOTENT, Property.INVOLUTION)


def describe_ops() -> Iterator[str]:
    """Yield the lines of the page of the ops."""
    yield INTRODUCTION
    for title, ops in GROUPS:
        yield ""
        yield f"## {title}"
        for op in ops:
            yield ""
            yield from _describe(op)


def _describe(op: Op) -> Iterator[str]:
    sources = "..." if op.arity is None else ", ".join(_source_names(op))
    yield f"### `{op.name}({sources})`"
    yield ""
    yield op.documentation
    yield ""
    if op.attributes is not None:
        yield from _describe_attributes(op.attributes)
    if op in ELEMENTWISE_OPS or op in REDUCTION_OPS:
        families = _families(op)
        if families:
            yield f"- takes: {', '.join(families)}"
    laws = [str(law.name).lower() for law in LAWS if op.has(law)]
    if laws:
        yield f"- laws: {', '.join(laws)}"
    if isinstance(op.gradient, NotDifferentiable):
        yield f"- gradient: none, because {op.gradient.because}"
    else:
        yield "- gradient: yes"


def _source_names(op: Op) -> tuple[str, ...]:
    if op is where:
        return "condition", "a", "b"
    return ("x", "y", "z")[: op.arity]


def _describe_attributes(attributes: type[Any]) -> Iterator[str]:
    summary, _, section = (inspect.getdoc(attributes) or "").partition("\n\nAttributes:\n")
    fields = ", ".join(f"`{field}`" for field in attributes._fields)
    yield f"- attributes: {fields}. {' '.join(summary.split()).replace('``', '`')}"
    for paragraph in inspect.cleandoc(section).split("\n"):
        name, colon, meaning = paragraph.strip().partition(": ")
        if colon:
            yield f"    - `{name}`: {meaning.replace('``', '`')}"


def _families(op: Op) -> list[str]:
    attributes = ReduceAttributes((0,)) if op in REDUCTION_OPS else None
    if op.attributes is not None and attributes is None:
        return []
    names: list[str] = []
    for family, members in FAMILIES:
        taken = [dtype for dtype in members if _takes(op, dtype, attributes)]
        if len(taken) == len(members):
            names.append(family)
        else:
            names += [dtype.name for dtype in taken]
    return names


def _takes(op: Op, dtype: DType, attributes: ReduceAttributes | None) -> bool:
    kinds = [dtype] * (op.arity or 0)
    if op is where:
        kinds[0] = dtypes.bool
    sources = tuple(
        buffer(attributes=BufferAttributes(Storage("reference", kind, 1), (1,), 0))
        for kind in kinds
    )
    try:
        op.infer(sources, attributes)
    except DTypeError:
        return False
    return True
