"""The tile interpreter: results, and what it finds wrong with bad programs."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.base.errors import ArgumentError, OutOfRangeError, VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.build import Builder, combine, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.memory import make_load, make_parameter, make_store
from tilegrad.ops.movement import filled, permute_axes
from tilegrad.ops.tile import dot, make_loop_index, make_program
from tilegrad.runtime.reference.interpreter import interpret

F32 = dtypes.float32


def sum_of_rows(rows: int, columns: int, *, is_masked: bool = True):
    build = Builder("sum_of_rows")
    x, y = build.input(F32, rows * columns), build.output(F32, rows)
    width = build.scalar("columns", columns)
    row = build.instance(build.scalar("rows", rows))
    with build.loop(0, width, 16, total=filled(0.0, F32, (16,))) as loop:
        column = loop.index + lanes(16)
        mask = column < width if is_masked else None
        loop["total"] = loop["total"] + build.load(x, row * width + column, mask)
    build.store(y, row, combine(loop["total"], "add"))
    return build.program()


@given(st.integers(0, 5), st.integers(0, 40))
def test_loop_with_a_carried_tile(rows, columns):
    x = numpy.arange(rows * columns, dtype=numpy.float32).reshape(rows, columns)
    y = numpy.zeros(rows, numpy.float32)
    program = sum_of_rows(rows, columns)
    interpret(program.root, [x, y, columns, rows], undefined=[1], finds_races=True)
    numpy.testing.assert_array_equal(y, x.sum(1))


def test_matrix_product_with_a_grid_and_symbolic_bounds():
    build = Builder("product")
    a, b, c = build.input(F32, 0), build.input(F32, 0), build.output(F32, 0)
    m, n, k = (build.scalar(name, 0) for name in ("m", "n", "k"))
    row = build.instance((m + 3) // 4) * 4 + lanes(4, 2, 0)
    column = build.instance((n + 7) // 8) * 8 + lanes(8, 2, 1)
    with build.loop(0, k, 2, total=filled(0.0, F32, (4, 8))) as loop:
        across, down = loop.index + lanes(2, 2, 1), loop.index + lanes(2, 2, 0)
        left = build.load(a, row * k + across, (row < m) & (across < k))
        right = build.load(b, down * n + column, (down < k) & (column < n))
        loop["total"] = dot(left, right, loop["total"])
    build.store(c, row * n + column, loop["total"], (row < m) & (column < n))
    program = build.program()
    random = numpy.random.default_rng(0)
    left = random.standard_normal((9, 5)).astype(numpy.float32)
    right = random.standard_normal((5, 11)).astype(numpy.float32)
    result = numpy.zeros((9, 11), numpy.float32)
    interpret(program.root, [left, right, result, 9, 11, 5], undefined=[2], finds_races=True)
    numpy.testing.assert_allclose(result, left @ right, rtol=1e-5, atol=1e-6)


def test_finish_block_runs_after_all_instances():
    build = Builder("total")
    x, y, parts = build.input(F32, 12), build.output(F32, 1), build.workspace(F32, 3)
    part = build.instance(3)
    tile = build.load(x, part * 4 + lanes(4))
    build.store(parts, part, combine(tile, "add"))
    with build.after_all():
        build.store(y, 0, combine(build.load(parts, lanes(3)), "add"))
    result, workspace = numpy.zeros(1, numpy.float32), numpy.zeros(3, numpy.float32)
    program = build.program()
    interpret(
        program.root,
        [numpy.arange(12, dtype=numpy.float32), result, workspace],
        undefined=[1, 2],
        finds_races=True,
    )
    assert result[0] == 66


def test_scratch_is_carried_from_round_to_round():
    build = Builder("fibonacci")
    y = build.output(dtypes.int64, 10)
    build.instance(1)
    pair = build.scratch(dtypes.int64, 2)
    build.store(pair, lanes(2), 1)
    with build.loop(0, 10) as loop:
        first, second = build.load(pair, 0), build.load(pair, 1)
        build.store(y, loop.index, first)
        build.store(pair, 1, first + second)
        build.store(pair, 0, second)
    result = numpy.zeros(10, numpy.int64)
    interpret(build.program().root, [result], undefined=[0])
    assert result.tolist() == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]


def test_transpose_through_a_tile():
    build = Builder("transpose")
    x, y = build.input(F32, 12), build.output(F32, 12)
    tile = build.load(x, lanes(3, 2, 0) * 4 + lanes(4, 2, 1))
    build.store(y, lanes(4, 2, 0) * 3 + lanes(3, 2, 1), permute_axes(tile, (1, 0)))
    source = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
    result = numpy.zeros((4, 3), numpy.float32)
    interpret(build.program().root, [source, result])
    numpy.testing.assert_array_equal(result, source.T)


def test_when_runs_the_block_if_the_condition_holds():
    build = Builder("clamp")
    x = build.input(dtypes.int32, 6)
    y = build.output(dtypes.int32, 6)
    here = build.instance(6)
    with build.when(build.load(x, here) < 0):
        build.store(y, here, 7)
    values = numpy.array([1, -1, 2, -2, 0, -9], numpy.int32)
    result = numpy.zeros(6, numpy.int32)
    interpret(build.program().root, [values, result])
    assert result.tolist() == [0, 7, 0, 7, 0, 7]


# --- what is refused ---


def test_offset_outside_the_buffer_is_refused_with_the_place():
    program = sum_of_rows(3, 20, is_masked=False)
    arguments = [numpy.zeros((3, 20), numpy.float32), numpy.zeros(3, numpy.float32), 20, 3]
    with pytest.raises(OutOfRangeError) as caught:
        interpret(program.root, arguments)
    message = str(caught.value)
    assert "an offset lies outside slot 0" in message
    assert "offset 60, in instance (2,)" in message
    assert "= load(p0, " in message
    assert "^^^^" in message


def test_negative_offset_is_refused():
    build = Builder("before")
    build.store(build.output(F32, 4), lanes(4) - 1, 0.0)
    with pytest.raises(OutOfRangeError, match="offset -1"):
        interpret(build.program().root, [numpy.zeros(4, numpy.float32)])


def test_unwritten_scratch_is_refused():
    build = Builder("unwritten")
    y, memory = build.output(F32, 4), build.scratch(F32, 4)
    build.store(memory, lanes(3), 1.0)
    build.store(y, lanes(4), build.load(memory, lanes(4)))
    with pytest.raises(VerifyError, match="nothing has written"):
        interpret(build.program().root, [numpy.zeros(4, numpy.float32)])


def test_undefined_output_is_refused_where_it_is_read():
    build = Builder("undefined")
    y = build.output(F32, 4)
    build.store(y, lanes(4), build.load(y, lanes(4)) + 1.0)
    root = build.program().root
    interpret(root, [numpy.zeros(4, numpy.float32)])
    with pytest.raises(VerifyError, match="nothing has written"):
        interpret(root, [numpy.zeros(4, numpy.float32)], undefined=[0])


def test_load_without_order_after_a_store_is_refused():
    build = Builder("unordered")
    y, z = build.output(F32, 4), build.output(F32, 4)
    build.store(y, lanes(4), 1.0)
    build.store(z, lanes(4), make_load(y, lanes(4)))
    arrays = [numpy.zeros(4, numpy.float32), numpy.zeros(4, numpy.float32)]
    with pytest.raises(VerifyError, match="nothing says which comes first"):
        interpret(build.program().root, arrays)


def test_stores_come_after_the_loads_written_before_them():
    build = Builder("swap")
    y = build.output(F32, 2)
    build.store(y, lanes(2), cast_to(lanes(2), F32))
    first, second = build.load(y, 0), build.load(y, 1)
    build.store(y, 0, second)
    build.store(y, 1, first)
    array = numpy.zeros(2, numpy.float32)
    interpret(build.program().root, [array])
    assert array.tolist() == [1, 0]


def test_store_that_overtakes_a_load_is_refused():
    y = make_parameter(0, F32)
    written = make_store(y, lanes(2), cast_to(lanes(2), F32))
    first, second = (make_load(y, place, after=written) for place in range(2))
    swapped = [make_store(y, 0, second), make_store(y, 1, first)]
    program = make_program("swap", [1], [written, *swapped])
    with pytest.raises(VerifyError, match="nothing says which comes first"):
        interpret(program, [numpy.zeros(2, numpy.float32)])


def test_instances_may_write_the_same_value_to_one_element():
    build = Builder("overlap")
    y = build.output(F32, 4)
    build.store(y, build.instance(4) // 2 + lanes(2), 1.0)
    array = numpy.zeros(4, numpy.float32)
    interpret(build.program().root, [array], finds_races=True)
    assert array.tolist() == [1, 1, 1, 0]


@pytest.mark.parametrize("is_reading", [True, False])
def test_races_between_instances_are_found(is_reading):
    build = Builder("race")
    y, z = build.output(F32, 5), build.output(F32, 4)
    here = build.instance(4)
    if is_reading:
        build.store(z, here, build.load(y, here + 1))
        build.store(y, here, 1.0)
    else:
        build.store(y, here // 2, cast_to(here, F32))
    arrays = [numpy.zeros(5, numpy.float32), numpy.zeros(4, numpy.float32)]
    interpret(build.program().root, arrays)
    with pytest.raises(VerifyError, match="two instances of the program meet"):
        interpret(build.program().root, arrays, finds_races=True)


def test_wrong_arguments_are_refused():
    root = sum_of_rows(3, 20).root
    x, y = numpy.zeros((3, 20), numpy.float32), numpy.zeros(3, numpy.float32)
    for arguments in ([x, y, 20], [x, y, -1, 3], [x, y, x, 3], [x, 4, 20, 3]):
        with pytest.raises(ArgumentError):
            interpret(root, arguments)
    with pytest.raises(ArgumentError, match="contiguous array of float32"):
        interpret(root, [x.astype(numpy.float64), y, 20, 3])
    y.flags.writeable = False
    with pytest.raises(ArgumentError, match="read-only"):
        interpret(root, [x, y, 20, 3])


def test_index_outside_its_loop_is_refused():
    build = Builder("free")
    y = build.output(F32, 8)
    effect = make_store(y, make_loop_index(7, 0, 4), filled(1.0, F32, ()))
    with pytest.raises(VerifyError, match="needed outside the loop"):
        interpret(make_program("free", [], [effect]), [numpy.zeros(8, numpy.float32)])
