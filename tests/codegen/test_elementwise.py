"""Every elementwise op on every dtype, natively, against the references of the op definitions."""

from __future__ import annotations

import numpy
import pytest

from tests.codegen import native
from tests.codegen.programs import iota
from tests.codegen.samples import SIZE, distance, samples
from tests.tile.native import launch_natively
from tilegrad.base.errors import DTypeError
from tilegrad.ir.dtype import STORABLE, DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import ELEMENTWISE_OPS, comparison, conversion, memory, special, tile
from tilegrad.ops.build import Builder
from tilegrad.ops.leaves import constant
from tilegrad.ops.movement import reshape_to

TOLERANCE = {
    **dict.fromkeys(("exp", "exp2", "log", "log2", "log10", "log1p"), 1),
    **dict.fromkeys(("expm1", "sin", "cos", "asin", "acos", "atan", "atan2", "cosh", "erf"), 2),
    **dict.fromkeys(("sinh", "asinh", "acosh", "atanh", "tan"), 3),
    **dict.fromkeys(("reciprocal_square_root", "power"), 1),
    "tanh": 3,
}
"""Units in the last place of the dtype; 0 for what is not listed. lgamma has a test of its own."""

_APART = (conversion.cast, conversion.bitcast, special.lgamma)
OPS = [op for op in ELEMENTWISE_OPS if op not in _APART]


def dtype_cases() -> list[tuple[Op, DType]]:
    found = []
    for op in OPS:
        for dtype in STORABLE:
            try:
                apply(op, [constant(1, dtype)] * (op.arity or 0))
            except DTypeError:
                continue
            found.append((op, dtype))
    return found


def apply(op: Op, sources: list[Node]) -> Node:
    if op.name == "where":
        return op(conversion.cast_to(sources[0], dtypes.bool), *sources[1:])
    return op(*sources)


@numpy.errstate(all="ignore")
def as_bool(array: numpy.ndarray) -> numpy.ndarray:
    return array != 0


def run(op: Op, arrays: list[numpy.ndarray], dtype: DType, level: str, attributes=None, width=64):
    """Return the op's result on arrays of one dtype, so many elements per instance."""
    offset = tile.make_program_index(0) * width + iota((1, width), 1)
    loads = [
        memory.make_load(memory.make_parameter(slot, dtype), offset) for slot in range(len(arrays))
    ]
    value = op(*loads, attributes=attributes) if attributes else apply(op, loads)
    target = memory.make_parameter(len(arrays), value.dtype)
    count = SIZE // width
    program = tile.make_program("k", [count], [memory.make_store(target, offset, value)])
    result = numpy.zeros(SIZE, value.dtype.numpy)
    native.run(program, [*arrays, result], count, level)
    return result[: count * width]


def check(result: numpy.ndarray, expected: numpy.ndarray, tolerance: int, *sources) -> None:
    far = distance(result, expected)
    worst = int(numpy.argmax(far))
    shown = [source[worst] for source in sources]
    assert far[worst] <= tolerance, (shown, result[worst], expected[worst])


@pytest.mark.parametrize(
    ("op", "dtype"), dtype_cases(), ids=lambda case: getattr(case, "name", None)
)
def test_agrees_with_its_definition(op: Op, dtype: DType) -> None:
    arrays = [samples(dtype, seed) for seed in range(op.arity or 0)]
    sources = [as_bool(arrays[0]), *arrays[1:]] if op.name == "where" else arrays
    with numpy.errstate(all="ignore"):
        expected = op.reference(*sources)
    tolerance = TOLERANCE.get(op.name, 0)
    check(run(op, arrays, dtype, "native"), expected, tolerance, *arrays)


@pytest.mark.parametrize("level", ["avx2", "sse2"])
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_agrees_on_narrower_processors(op: Op, level: str) -> None:
    for case, dtype in dtype_cases():
        if case is not op or dtype not in (dtypes.float32, dtypes.int16, dtypes.uint64):
            continue
        arrays = [samples(dtype, seed) for seed in range(op.arity or 0)]
        sources = [as_bool(arrays[0]), *arrays[1:]] if op.name == "where" else arrays
        with numpy.errstate(all="ignore"):
            expected = op.reference(*sources)
        tolerance = TOLERANCE.get(op.name, 0)
        check(run(op, arrays, dtype, level), expected, tolerance and tolerance + 1, *arrays)


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("before", STORABLE, ids=lambda dtype: dtype.name)
def test_casts(before: DType, level: str) -> None:
    x = samples(before, 3)
    for after in STORABLE if level == "native" else (dtypes.float32, dtypes.float16, dtypes.int64):
        attributes = conversion.CastAttributes(after)
        expected = conversion.cast.reference(x, attributes)
        check(run(conversion.cast, [x], before, level, attributes), expected, 0, x)


@pytest.mark.parametrize("level", native.LEVELS)
def test_bitcasts(level: str) -> None:
    for before in STORABLE:
        for after in STORABLE:
            if before.bits != after.bits or before is after or before.is_boolean:
                continue
            x = samples(before, 4)
            attributes = conversion.CastAttributes(after)
            result = run(conversion.bitcast, [x], before, level, attributes)
            assert result.tobytes() == x.tobytes(), (before, after)


@pytest.mark.parametrize("shapes", [((4, 3, 1), (1, 3, 1)), ((4, 1, 1), (1, 3, 1)), ((8, 1), ())])
def test_columns_broadcast(shapes):
    """Dear functions of one number a row are computed with the rows along the lanes."""
    random = numpy.random.default_rng(0)
    arrays = [numpy.asarray(1 + random.random(shape), numpy.float32) for shape in shapes]
    expected = arrays[0] / arrays[1]
    build = Builder("columns")
    tiles = []
    for array in arrays:
        given = build.input(dtypes.float32, array.size)
        loaded = build.load(given, iota((array.size,), 0))
        tiles.append(reshape_to(loaded, array.shape))
    result = build.output(dtypes.float32, expected.size)
    quotient = reshape_to(tiles[0] / tiles[1], (expected.size,))
    build.store(result, iota((expected.size,), 0), quotient)
    (found,) = launch_natively(build.program(), [array.ravel() for array in arrays])
    numpy.testing.assert_array_equal(found, expected.ravel())


@pytest.mark.parametrize("op", ["equal", "not_equal", "less", "less_equal"])
def test_places_are_compared_with_any_integer(op):
    labels = numpy.array([0, 63, 64, -1, 99, 100, 1 << 33, 1 << 62, -(1 << 63)], numpy.int64)
    rows, columns = len(labels), 100
    build = Builder("places")
    given = build.input(dtypes.int64, rows)
    result = build.output(dtypes.int8, rows * columns)
    row = build.instance(rows)
    with build.loop(0, columns, 50) as loop:
        place = loop.index + iota((50,), 0)
        found = getattr(comparison, op)(
            conversion.cast_to(place, dtypes.int64), build.load(given, row)
        )
        build.store(result, row * columns + place, conversion.cast_to(found, dtypes.int8))
    (array,) = launch_natively(build.program(), [labels])
    expected = getattr(numpy, op)(numpy.arange(columns), labels[:, None])
    numpy.testing.assert_array_equal(array.reshape(rows, columns), expected)
