"""Whole tile programs, natively, against NumPy."""

from __future__ import annotations

import numpy
import pytest

from tests.codegen import native
from tests.codegen.programs import (
    below,
    full,
    iota,
    matmul,
    reduce_over,
    softmax,
    softmax_reference,
)
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import memory, movement, reduction, tile
from tilegrad.ops.affine import as_index
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.exponential import square_root

levels = pytest.mark.parametrize("level", native.LEVELS)
F32 = dtypes.float32


def values(*shape: int, dtype: DType = F32, seed: int = 0) -> numpy.ndarray:
    generator = numpy.random.default_rng(seed)
    if dtype.is_integer:
        return generator.integers(0, 50, shape).astype(dtype.numpy)
    return generator.standard_normal(shape).astype(dtype.numpy)


def copy_tile(
    shape: tuple[int, ...], offset: Node, slot: int = 0, mask: Node | None = None
) -> Node:
    return memory.make_load(memory.make_parameter(slot, F32), offset, mask)


def row_major(shape: tuple[int, ...]) -> Node:
    """Return the offsets of a tile that lies in memory without gaps."""
    total, step = 0, 1
    for axis in reversed(range(len(shape))):
        total = total + iota(shape, axis) * step
        step *= shape[axis]
    return total  # type: ignore[return-value]


def transform(shape: tuple[int, ...], function, level: str = "native", dtype: DType = F32, seed=0):
    """Return a tile of values, and what a function of tiles makes of it natively."""
    x = values(*shape, dtype=dtype, seed=seed)
    node = function(memory.make_load(memory.make_parameter(0, dtype), row_major(shape)))
    out_shape = tuple(int(size) for size in node.shape)
    result = numpy.zeros(out_shape, node.dtype.numpy)
    store = memory.make_store(memory.make_parameter(1, node.dtype), row_major(out_shape), node)
    native.run(tile.make_program("k", [1], [store]), [x, result], 1, level)
    return x, result


@levels
@pytest.mark.parametrize("columns", [1, 17, 64, 1000])
def test_softmax(columns: int, level: str) -> None:
    x = values(5, columns)
    y = numpy.zeros_like(x)
    native.run(softmax(5, columns), [x, y], 5, level)
    numpy.testing.assert_allclose(y, softmax_reference(x), rtol=1e-6, atol=1e-7)


def test_softmax_of_symbolic_length() -> None:
    x = values(5, 77)
    y = numpy.zeros_like(x)
    columns = tile.make_scalar(2, "n", 1, 1 << 20)
    native.run(softmax(5, columns), [x, y, 77], 5)
    numpy.testing.assert_allclose(y, softmax_reference(x), rtol=1e-6, atol=1e-7)


@levels
@pytest.mark.parametrize(
    "dtype",
    [F32, dtypes.float64, dtypes.bfloat16, dtypes.float16, dtypes.int8, dtypes.int32],
    ids=lambda dtype: dtype.name,
)
def test_matmul(dtype: DType, level: str) -> None:
    generator = numpy.random.default_rng(1)
    a = generator.integers(-3, 4, (12, 19)).astype(dtype.numpy)
    b = generator.integers(-3, 4, (19, 64)).astype(dtype.numpy)
    c = numpy.zeros((12, 64), dtype.numpy)
    native.run(matmul(12, 19, 64, 4, 32, dtype), [a, b, c], 6, level)
    exact = a.astype(float) @ b.astype(float)
    numpy.testing.assert_array_equal(c.astype(float), exact.astype(dtype.numpy).astype(float))


@levels
@pytest.mark.parametrize("depth", [1, 5, 20])
def test_dot_of_whole_tiles(depth: int, level: str) -> None:
    a, b, c = values(3, depth), values(depth, 24, seed=1), values(3, 24, seed=2)
    result = numpy.zeros_like(c)
    pointers = [memory.make_parameter(slot, F32) for slot in range(4)]
    loads = [
        memory.make_load(pointer, row_major(array.shape))
        for pointer, array in zip(pointers[:3], (a, b, c), strict=True)
    ]
    store = memory.make_store(pointers[3], row_major(c.shape), tile.dot(*loads))
    native.run(tile.make_program("k", [1], [store]), [a, b, c, result], 1, level)
    numpy.testing.assert_allclose(result, c + a @ b, rtol=1e-5, atol=1e-5)


@levels
@pytest.mark.parametrize("shape", [(1, 64), (3, 40), (2, 3, 20), (5, 1), (7,), (2, 33), (21, 16)])
def test_reductions(shape: tuple[int, ...], level: str) -> None:
    pairs = [
        (reduction.reduce_sum, numpy.sum),
        (reduction.reduce_product, numpy.prod),
        (reduction.reduce_maximum, numpy.max),
        (reduction.reduce_minimum, numpy.min),
    ]
    rank = len(shape)
    for op, reference in pairs:
        for axes in {(0,), (rank - 1,), tuple(range(rank))}:
            x, result = transform(shape, lambda t, o=op, a=axes: reduce_over(o, t, *a), level)
            expected = reference(x, axis=axes, keepdims=True)
            numpy.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_reductions_of_bools_and_nan() -> None:
    x, result = transform((2, 40), lambda t: reduce_over(reduction.reduce_maximum, t < -2.0, 1))
    assert (result == (x < -2).any(1, keepdims=True)).all()
    x, result = transform((2, 40), lambda t: reduce_over(reduction.reduce_minimum, t < 2.0, 1))
    assert (result == (x < 2).all(1, keepdims=True)).all()
    poisoned = lambda t: t / cast_to(t < 1.0, F32) - t / cast_to(t < 1.0, F32)  # noqa: E731
    _, result = transform((2, 40), lambda t: reduce_over(reduction.reduce_maximum, poisoned(t), 1))
    assert numpy.isnan(result).all()


@levels
@pytest.mark.parametrize("rows", [1, 2, 7, 16, 21])
def test_nan_comes_out_of_the_rows_that_it_is_in(rows: int, level: str) -> None:
    """Rows are reduced together, and functions of what comes out are computed together."""
    roots = lambda t: reduce_over(reduction.reduce_maximum, square_root(t + 2.0), 1)  # noqa: E731
    x, result = transform((rows, 24), lambda t: square_root(roots(t)), level)
    with numpy.errstate(invalid="ignore"):
        expected = numpy.sqrt(numpy.sqrt(x + 2).max(1, keepdims=True))
    assert rows < 7 or 0 < numpy.isnan(expected).sum() < rows
    numpy.testing.assert_allclose(result, expected, rtol=1e-6)


@levels
@pytest.mark.parametrize("dtype", [F32, dtypes.int8, dtypes.bfloat16], ids=lambda d: d.name)
@pytest.mark.parametrize(
    ("shape", "order"),
    [((16, 16), (1, 0)), ((3, 40), (1, 0)), ((2, 3, 20), (1, 0, 2)), ((2, 3, 20), (2, 0, 1))],
)
def test_permutations(
    shape: tuple[int, ...], order: tuple[int, ...], dtype: DType, level: str
) -> None:
    attributes = movement.PermuteAttributes(order)
    x, result = transform(shape, lambda t: movement.permute(t, attributes=attributes), level, dtype)
    assert (result == x.transpose(order)).all()


@levels
@pytest.mark.parametrize(
    ("before", "after"),
    [((4, 16), (1, 64)), ((1, 64), (4, 16)), ((6, 5), (2, 15)), ((24,), (2, 3, 4)), ((2, 1), (2,))],
)
def test_reshapes(before: tuple[int, ...], after: tuple[int, ...], level: str) -> None:
    x, result = transform(before, lambda t: movement.reshape_to(t, after), level)
    assert (result == x.reshape(after)).all()


def test_expand() -> None:
    x, result = transform((3, 1), lambda t: movement.expand_to(t, (3, 40)))
    assert (result == numpy.broadcast_to(x, (3, 40))).all()
    x, result = transform((1, 40), lambda t: movement.expand_to(t, (3, 40)))
    assert (result == numpy.broadcast_to(x, (3, 40))).all()


@levels
@pytest.mark.parametrize("dtype", [F32, dtypes.bool, dtypes.uint8, dtypes.float16])
@pytest.mark.parametrize("stride", [-3, -1, 0, 1, 2, 5])
@pytest.mark.parametrize("is_masked", [False, True])
def test_strided_loads(stride: int, dtype: DType, level: str, is_masked: bool) -> None:
    x = values(300, dtype=dtypes.int32).astype(dtype.numpy)
    places = iota((1, 50), 1)
    offset = places * stride + (150 if stride < 0 else 3)
    n = tile.make_scalar(2, "n", 0, 50)
    mask = below(places, n) if is_masked else None
    load = memory.make_load(memory.make_parameter(0, dtype), offset, mask)
    result = numpy.ones((1, 50), dtype.numpy)
    store = memory.make_store(memory.make_parameter(1, dtype), places, load)
    native.run(tile.make_program("k", [1], [store]), [x, result, 37], 1, level)
    expected = x[numpy.arange(50) * stride + (150 if stride < 0 else 3)]
    if is_masked:
        expected[37:] = 0
    assert (result[0] == expected).all()


@levels
@pytest.mark.parametrize("stride", [-3, -1, 0, 1, 2])
@pytest.mark.parametrize("is_masked", [False, True])
def test_strided_stores(stride: int, level: str, is_masked: bool) -> None:
    x = values(50)
    places = iota((1, 50), 1)
    start = 149 if stride < 0 else 3
    n = tile.make_scalar(2, "n", 0, 50)
    mask = below(places, n) if is_masked else None
    load = memory.make_load(memory.make_parameter(0, F32), places)
    result = numpy.ones(150, numpy.float32)
    pointer = memory.make_parameter(1, F32)
    store = memory.make_store(pointer, places * stride + start, load, mask)
    native.run(tile.make_program("k", [1], [store]), [x, result, 37], 1, level)
    expected = numpy.ones(150, numpy.float32)
    for lane in range(37 if is_masked else 50):
        expected[start + lane * stride] = x[lane]
    assert (result == expected).all()


@levels
@pytest.mark.parametrize("dtype", [F32, dtypes.uint8, dtypes.bool], ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(16, 16), (4, 40), (32, 8), (5, 7), (64, 16)])
def test_transposed_loads_and_stores(shape: tuple[int, int], dtype: DType, level: str) -> None:
    """Tiles whose elements along the last axis lie apart are transposed in registers."""
    x = values(shape[1] * 2, shape[0] + 3, dtype=dtypes.int32).astype(dtype.numpy)
    n = tile.make_scalar(3, "n", 1, 1000)
    down, across = iota(shape, 0), iota(shape, 1)
    offset = across * n + down + tile.make_program_index(0) * shape[1] * n
    load = memory.make_load(memory.make_parameter(0, dtype), offset)
    plain = down * shape[1] + across + tile.make_program_index(0) * (shape[0] * shape[1])
    first, second = numpy.zeros((2, *shape), dtype.numpy), numpy.zeros_like(x)
    program = tile.make_program(
        "k",
        [2],
        [
            memory.make_store(memory.make_parameter(1, dtype), plain, load),
            memory.make_store(memory.make_parameter(2, dtype), offset, load),
        ],
    )
    native.run(program, [x, first, second, x.shape[1]], 2, level)
    blocks = x[:, : shape[0]].reshape(2, shape[1], shape[0])
    assert (first == blocks.transpose(0, 2, 1)).all()
    expected = numpy.zeros_like(x)
    expected[:, : shape[0]] = x[:, : shape[0]]
    assert (second == expected).all()


@levels
@pytest.mark.parametrize("dtype", [dtypes.int32, dtypes.int64, dtypes.uint8])
def test_gather_and_scatter(dtype: DType, level: str) -> None:
    generator = numpy.random.default_rng(2)
    x, indices = values(200), generator.permutation(200)[:48].astype(dtype.numpy)
    places = iota((1, 48), 1)
    index = cast_to(memory.make_load(memory.make_parameter(1, dtype), places), dtypes.index)
    load = memory.make_load(memory.make_parameter(0, F32), index)
    gathered, scattered = numpy.zeros(48, numpy.float32), numpy.zeros(200, numpy.float32)
    gather = memory.make_store(memory.make_parameter(2, F32), places, load)
    mask = below(index, 150)
    scatter = memory.make_store(memory.make_parameter(3, F32), index, load, mask)
    program = tile.make_program("k", [1], [gather, scatter])
    native.run(program, [x, indices, gathered, scattered], 1, level)
    assert (gathered == x[indices]).all()
    expected = numpy.zeros(200, numpy.float32)
    kept = indices[indices < 150]
    expected[kept] = x[kept]
    assert (scattered == expected).all()


def test_index_arithmetic_in_lanes() -> None:
    """Quotients and remainders of positions: an im2col-like gather."""
    x = values(100)
    places = tile.make_program_index(0) * 32 + iota((1, 32), 1)
    offset = (places // 7) * 10 + places % 7
    load = memory.make_load(memory.make_parameter(0, F32), offset)
    result = numpy.zeros(64, numpy.float32)
    store = memory.make_store(memory.make_parameter(1, F32), places, load)
    native.run(tile.make_program("k", [2], [store]), [x, result], 2)
    flat = numpy.arange(64)
    assert (result == x[flat // 7 * 10 + flat % 7]).all()


@levels
def test_index_values(level: str) -> None:
    """Positions as data, in several dtypes."""
    for dtype in (F32, dtypes.int64, dtypes.uint8, dtypes.bfloat16, dtypes.bool):
        places = tile.make_program_index(0) * 24 + iota((2, 12), 0) * 12 + iota((2, 12), 1)
        result = numpy.zeros(72, dtype.numpy)
        store = memory.make_store(
            memory.make_parameter(0, dtype), places, cast_to(places - 3, dtype)
        )
        native.run(tile.make_program("k", [3], [store]), [result], 3, level)
        assert (result == (numpy.arange(72) - 3).astype(dtype.numpy)).all(), dtype


def test_nested_loops_with_carries() -> None:
    """Σ over i of max over j of x[i, j], with the row's sum carried along."""
    x = values(6, 32)
    source = memory.make_parameter(0, F32)
    outer, inner = tile.make_loop_index(1, 0, 6), tile.make_loop_index(2, 0, 32)
    greatest = tile.make_carry(2, 0, full(-1e9, (1, 8), F32))
    row_sum = tile.make_carry(2, 1, full(0, (1, 8), F32))
    load = memory.make_load(source, outer * 32 + inner + iota((1, 8), 1))
    from tilegrad.ops.arithmetic import maximum

    carries = [(greatest, maximum(greatest, load)), (row_sum, row_sum + load)]
    results = tile.make_loop_results(tile.make_loop(inner, 8, carries))
    total = tile.make_carry(1, 0, full(0, (1, 1), F32))
    sums = tile.make_carry(1, 1, full(0, (1, 1), F32))
    row = reduce_over(reduction.reduce_maximum, results[0], 1)
    carries = [
        (total, total + row),
        (sums, sums + reduce_over(reduction.reduce_sum, results[1], 1)),
    ]
    ends = tile.make_loop_results(tile.make_loop(outer, 1, carries))
    stores = [
        memory.make_store(memory.make_parameter(1 + i, F32), iota((1, 1), 1), end)
        for i, end in enumerate(ends)
    ]
    first, second = numpy.zeros(1, numpy.float32), numpy.zeros(1, numpy.float32)
    native.run(tile.make_program("k", [1], stores), [x, first, second], 1)
    numpy.testing.assert_allclose(first[0], x.max(1).sum(), rtol=1e-5)
    numpy.testing.assert_allclose(second[0], x.sum(), rtol=1e-4, atol=1e-4)


def test_scratch_is_written_and_read_back() -> None:
    """A running total in private memory, then read back in reverse."""
    x = values(40)
    scratch = memory.make_scratch(0, F32, 41)
    source, target = memory.make_parameter(0, F32), memory.make_parameter(1, F32)
    zero = iota((1, 1), 1)
    clear = memory.make_store(scratch, zero, full(0, (1, 1), F32))
    index = tile.make_loop_index(1, 0, 40)
    before = memory.make_load(scratch, index + zero, after=clear)
    step = memory.make_store(
        scratch, index + 1 + zero, before + memory.make_load(source, index + zero), after=clear
    )
    loop = tile.make_loop(index, 1, effects=[step])
    back = memory.make_load(scratch, iota((1, 40), 1) * -1 + 40, after=loop)
    store = memory.make_store(target, iota((1, 40), 1), back)
    result = numpy.zeros(40, numpy.float32)
    native.run(tile.make_program("k", [1], [clear, loop, store]), [x, result], 1)
    numpy.testing.assert_allclose(result, numpy.cumsum(x)[::-1], rtol=1e-4, atol=1e-5)


def test_finish_combines_partial_sums() -> None:
    x = values(4, 64)
    partial, total = numpy.zeros(4, numpy.float32), numpy.zeros(1, numpy.float32)
    source, work, target = (memory.make_parameter(slot, F32) for slot in range(3))
    instance, one = tile.make_program_index(0), iota((1, 1), 1)
    row = memory.make_load(source, instance * 64 + iota((1, 64), 1))
    store = memory.make_store(work, instance + one, reduce_over(reduction.reduce_sum, row, 1))
    sums = memory.make_load(work, iota((1, 4), 1))
    finish = memory.make_store(target, one, reduce_over(reduction.reduce_sum, sums, 1))
    program = tile.make_program("k", [4], [store], [finish])
    native.run(program, [x, partial, total], 4, has_finish=True)
    numpy.testing.assert_allclose(total[0], x.sum(), rtol=1e-4, atol=1e-4)


def test_grid_of_three_axes_with_sizes_of_one_and_symbolic() -> None:
    n = tile.make_scalar(1, "n", 1, 100)
    axes = [tile.make_program_index(axis) for axis in range(4)]
    place = ((axes[0] * n + axes[1]) * 1 + axes[2]) * 4 + axes[3]
    zero = iota((1, 1), 1)
    value = cast_to(axes[0] * 1000 + axes[1] * 100 + axes[2] * 10 + axes[3] + zero, F32)
    store = memory.make_store(memory.make_parameter(0, F32), place + zero, value)
    program = tile.make_program("k", [3, n, 1, 4], [store])
    result = numpy.zeros((3, 5, 1, 4), numpy.float32)
    native.run(program, [result, 5], 60)
    i = numpy.indices(result.shape)
    assert (result == i[0] * 1000 + i[1] * 100 + i[2] * 10 + i[3]).all()


def test_loop_without_rounds_gives_its_initial_values() -> None:
    n = tile.make_scalar(1, "n", 0, 9)
    index = tile.make_loop_index(1, 0, n)
    carry = tile.make_carry(1, 0, full(7, (1, 4), F32))
    (end,) = tile.make_loop_results(tile.make_loop(index, 1, [(carry, carry + 1.0)]))
    store = memory.make_store(memory.make_parameter(0, F32), iota((1, 4), 1), end)
    for rounds in (0, 3):
        result = numpy.zeros(4, numpy.float32)
        native.run(tile.make_program("k", [1], [store]), [result, rounds], 1)
        assert (result == 7 + rounds).all()


def test_in_place_update() -> None:
    x = values(64)
    expected = x * 2 + 1
    pointer = memory.make_parameter(0, F32)
    offset = tile.make_program_index(0) * 32 + iota((1, 32), 1)
    store = memory.make_store(pointer, offset, memory.make_load(pointer, offset) * 2.0 + 1.0)
    native.run(tile.make_program("k", [2], [store]), [x], 2)
    assert (x == expected).all()


def test_what_no_loop_needs_is_computed_before() -> None:
    linear = native.lower_for(softmax(4, 256))
    depth, exponentials = 0, 0
    for node in linear.functions[0].instructions:
        depth += (node.op.name == "begin_loop") - (node.op.name == "end_loop")
        exponentials += node.op.name == "parameter" and depth > 0
    assert exponentials == 0


def test_offsets_of_computed_indices_as_numbers() -> None:
    """An index that is loaded, computed with, bounded and used twice."""
    x = values(64)
    raw = numpy.array([5, 60, 63, 0, 17, 33, 2, 8], numpy.int32)
    load = memory.make_load(memory.make_parameter(1, dtypes.int32), iota((1, 8), 1))
    from tilegrad.ops import arithmetic

    index = cast_to(load, dtypes.index)
    limited = arithmetic.minimum(index * 2 + 1, as_node_index(63))
    found = memory.make_load(memory.make_parameter(0, F32), limited)
    store = memory.make_store(memory.make_parameter(2, F32), iota((1, 8), 1), found)
    result = numpy.zeros(8, numpy.float32)
    native.run(tile.make_program("k", [1], [store]), [x, raw, result], 1)
    assert (result == x[numpy.minimum(raw * 2 + 1, 63)]).all()


def as_node_index(value: int) -> Node:
    from tilegrad.ops.affine import as_node

    node = as_node(value)
    assert as_index(node) == value
    return node
