"""Cases of the ops that look at more than one element: reductions, scans, movement, indexing."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import numpy

from tests.conformance.cases import OPERAND_DTYPES, Case
from tests.conformance.values import moderate_values, special_values
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.op import Op
from tilegrad.ops import REDUCTION_OPS, movement, windows
from tilegrad.ops.indexing import GatherAttributes, Mode, ScatterAttributes, gather, scatter
from tilegrad.ops.reduction import ReduceAttributes
from tilegrad.ops.scan import Kind, ScanAttributes, scan
from tilegrad.ops.sorting import ArgsortAttributes, SortAttributes, argsort, sort

MODES: tuple[Mode, ...] = ("set", "add", "multiply", "maximum", "minimum")
KINDS: tuple[Kind, ...] = ("add", "multiply", "maximum", "minimum")


def takes(op: Op, dtype: DType, attributes: Hashable = None) -> bool:
    """Whether a structured op takes data of a dtype."""
    is_arithmetic = op.name in {"reduce_sum", "reduce_product"} or (
        isinstance(attributes, ScanAttributes) and attributes.kind in {"add", "multiply"}
    )
    is_arithmetic |= isinstance(attributes, ScatterAttributes) and attributes.mode in {
        "add",
        "multiply",
    }
    return not (dtype.is_boolean and is_arithmetic)


def movement_cases(dtype: DType) -> Iterator[Case]:
    """Yield the cases of movement ops on one dtype."""
    for note, op, shapes, attributes in _movements():
        inputs = tuple(moderate_values(dtype, shape, seed) for seed, shape in enumerate(shapes))
        yield Case(op, inputs, dtype, attributes, note)


Application = tuple[str, Op, tuple[tuple[int, ...], ...], Hashable]


def _movements() -> Iterator[Application]:
    slide, unslide = windows.SlideAttributes, windows.UnslideAttributes
    one, two = movement.reshape, movement.ReshapeAttributes
    yield "merge", one, ((2, 3, 4),), two((6, 4))
    yield "split", one, ((6, 4),), two((2, 3, 2, 2))
    yield "scalar", one, ((),), two((1, 1))
    yield "to-scalar", one, ((1, 1),), two(())
    yield "empty", one, ((0, 3),), two((3, 0, 2))
    yield "reverse", movement.permute, ((2, 3, 4),), movement.PermuteAttributes((2, 1, 0))
    yield "rotate", movement.permute, ((2, 3, 4),), movement.PermuteAttributes((1, 2, 0))
    yield "rows", movement.expand, ((3, 1),), movement.ExpandAttributes((3, 4))
    yield "both", movement.expand, ((1, 2, 1),), movement.ExpandAttributes((3, 2, 4))
    yield "to-empty", movement.expand, ((1, 2),), movement.ExpandAttributes((0, 2))
    yield "around", movement.pad, ((2, 3),), movement.PadAttributes(((1, 2), (0, 3)))
    yield "empty", movement.pad, ((0, 2),), movement.PadAttributes(((1, 1), (0, 1)))
    yield "scalar", movement.pad, ((),), movement.PadAttributes(())
    yield "inside", movement.shrink, ((4, 5),), movement.ShrinkAttributes(((1, 3), (0, 4)))
    yield "to-empty", movement.shrink, ((4, 5),), movement.ShrinkAttributes(((2, 2), (5, 5)))
    yield "one", movement.flip, ((3, 4),), movement.FlipAttributes((1,))
    yield "both", movement.flip, ((3, 4),), movement.FlipAttributes((0, 1))
    yield "three", movement.concatenate, ((2, 1), (2, 3), (2, 0)), movement.ConcatenateAttributes(1)
    yield "single", movement.concatenate, ((2, 3),), movement.ConcatenateAttributes(0)
    yield "stride", windows.slide, ((2, 9),), slide(1, None, 4, 2, 0)
    yield "window", windows.slide, ((2, 3, 9),), slide(2, 1, 7, 1, 1)
    yield "sparse", windows.slide, ((2, 3, 10),), slide(2, 1, 3, 2, 2)
    yield "first", windows.slide, ((9, 3),), slide(0, 1, 2, 3, 1)
    yield "none", windows.slide, ((2, 3, 2),), slide(2, 1, 0, 1, 1)
    yield "stride", windows.unslide, ((2, 4),), unslide(1, None, 9, 2, 0)
    yield "window", windows.unslide, ((2, 3, 7),), unslide(2, 1, 9, 1, 1)
    yield "sparse", windows.unslide, ((2, 3, 3),), unslide(2, 1, 10, 2, 2)
    yield "first", windows.unslide, ((2, 3),), unslide(0, 1, 9, 3, 1)


def reduction_cases(dtype: DType) -> Iterator[Case]:
    """Yield the cases of reductions and scans on one dtype."""
    for op in REDUCTION_OPS:
        for shape, axes in (
            ((2, 3, 4), (1,)),
            ((2, 3, 4), (0, 2)),
            ((3, 2), ()),
            ((), ()),
            ((0, 3), (0,)),
            ((3, 0), (0,)),
        ):
            if takes(op, dtype):
                note = f"{'x'.join(map(str, shape))}-over-{'-'.join(map(str, axes))}"
                values = moderate_values(dtype, shape, 1)
                yield Case(op, (values,), dtype, ReduceAttributes(axes), note)
    for kind in KINDS:
        for shape, axis in (((3, 5), 0), ((3, 5), 1), ((0, 3), 0), ((1,), 0)):
            attributes = ScanAttributes(axis, kind)
            if takes(scan, dtype, attributes):
                note = f"{kind}-{'x'.join(map(str, shape))}-along-{axis}"
                yield Case(scan, (moderate_values(dtype, shape, 1),), dtype, attributes, note)
    extreme = special_values(dtype)[None, :]
    for op in REDUCTION_OPS[2:]:
        for note, values in (("special", extreme), ("numbers", extreme[extreme == extreme][None])):
            yield Case(op, (values,), dtype, ReduceAttributes((1,)), note)
    for kind in KINDS[2:]:
        yield Case(scan, (extreme,), dtype, ScanAttributes(1, kind), f"{kind}-special")


def indexing_cases(dtype: DType) -> Iterator[Case]:
    """Yield the cases of gather, scatter, sort and argsort on one dtype."""
    first = numpy.array([[0, 3, 1], [3, -1, 4]], numpy.int64)
    second = numpy.array([[2, 2, 4], [2, 0, 0]], numpy.uint8)
    unsigned = numpy.array([1, 2**64 - 1, 0], numpy.uint64)
    selections: tuple[tuple[str, tuple[numpy.ndarray, ...], tuple[int, ...]], ...] = (
        ("first", (first,), (0,)),
        ("middle", (second.astype(numpy.int8),), (1,)),
        ("outer", (first, second), (0, 2)),
        ("unsigned", (unsigned,), (1,)),
        ("scalar", (numpy.array(2, numpy.int32),), (2,)),
        ("nothing", (numpy.zeros((0, 2), numpy.int64),), (0,)),
        ("everything", (first, first, second), (0, 1, 2)),
    )
    data = moderate_values(dtype, (4, 3, 5), 1)
    for note, indices, axes in selections:
        yield Case(gather, (data, *indices), dtype, GatherAttributes(axes), note)
        rest = tuple(size for axis, size in enumerate(data.shape) if axis not in axes)
        updates = moderate_values(dtype, indices[0].shape + rest, 2)
        for mode in MODES:
            attributes = ScatterAttributes(axes, mode)
            if takes(scatter, dtype, attributes):
                yield Case(scatter, (data, updates, *indices), dtype, attributes, f"{mode}-{note}")
    empty = moderate_values(dtype, (0, 3), 1)
    yield Case(gather, (empty, first), dtype, GatherAttributes((0,)), "empty")
    for is_descending in (False, True):
        order = "descending" if is_descending else "ascending"
        special = numpy.tile(special_values(dtype), 2)[None, :]
        rows = moderate_values(dtype, (9, 4), 5)
        yield Case(sort, (special,), dtype, SortAttributes(1, is_descending), order)
        yield Case(sort, (rows,), dtype, SortAttributes(0, is_descending), f"{order}-first")
        yield Case(argsort, (special,), dtype, ArgsortAttributes(1, is_descending), order)
        yield Case(argsort, (rows,), dtype, ArgsortAttributes(0, is_descending), f"{order}-first")


def structured_cases() -> Iterator[Case]:
    """Yield the cases of all these ops on every dtype."""
    for dtype in OPERAND_DTYPES:
        if dtype in STORABLE or dtype is dtypes.index:
            yield from movement_cases(dtype)
            yield from reduction_cases(dtype)
            yield from indexing_cases(dtype)
