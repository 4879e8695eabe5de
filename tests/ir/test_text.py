"""Round trips through the text form, and what it looks like."""

import math
import textwrap

from hypothesis import given

from tests.ir.graphs import constants, index_graphs, tensor_graphs
from tests.ir.tile_programs import tile_programs
from tilegrad.codegen.lower import lower
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.parser import parse, parse_sequence
from tilegrad.ir.text import describe_program, print_program, print_sequence
from tilegrad.ops import (
    arithmetic,
    exponential,
    kernel,
    movement,
    reduction,
    tensor,
)
from tilegrad.ops.affine import product
from tilegrad.ops.build import Builder
from tilegrad.ops.comparison import where
from tilegrad.ops.dialects import instructions, kernels, tiles
from tilegrad.ops.leaves import (
    BufferAttributes,
    Storage,
    SymbolAttributes,
    buffer,
    constant,
    symbol,
)
from tilegrad.ops.memory import make_load, make_parameter, make_store
from tilegrad.ops.tile import make_scalar


def assert_round_trip(roots: list[Node], dialect=tensor) -> None:
    printed = describe_program(roots)
    parsed = parse(printed.text, dialect, printed.bindings)
    assert len(parsed) == len(roots), printed.text
    assert all(one is other for one, other in zip(parsed, roots, strict=True)), printed.text


@given(tensor_graphs())
def test_tensor_graphs_survive_the_round_trip(roots):
    assert_round_trip(roots)


@given(index_graphs())
def test_index_arithmetic_survives_the_round_trip(roots):
    assert_round_trip(roots)


@given(tile_programs())
def test_tile_programs_survive_the_round_trip(root):
    assert_round_trip([root], tiles)
    text = print_program([root])
    assert "loop_index" not in text  # every loop is shown as a region
    assert "carry" not in text


@given(tile_programs())
def test_linear_programs_survive_the_round_trip(root):
    target = CodegenTarget("x86_64", 256, ("avx2", "f16c", "fma", "sse4.1"))
    for function in lower(root, target).functions:
        text = print_sequence(function.instructions)
        assert parse_sequence(text, instructions) == function.instructions, text


@given(constants())
def test_constants_survive_the_round_trip(node):
    assert_round_trip([node])


def test_special_floats_survive_the_round_trip():
    for dtype in STORABLE:
        if dtype.is_float:
            values = (0.0, -0.0, math.inf, -math.inf, math.nan, 0.1, 1e-45, 5e-324, 1e30)
            assert_round_trip([constant(value, dtype) for value in values])


def test_print_shows_names_sizes_and_inline_indices():
    rows = symbol(attributes=SymbolAttributes("rows", 1, 64))
    storage = Storage("cpu", dtypes.float32, 64)
    x = buffer(attributes=BufferAttributes(storage, (4, 16), 0))
    total = reduction.reduce_sum(
        exponential.exp(x) * 2.5, attributes=reduction.ReduceAttributes((1,))
    )
    wide = movement.expand(total, attributes=movement.ExpandAttributes((4, 2 * rows + 1)))
    expected = """\
        b0 = buffer {storage=@0, shape=(4, 16), version=0} : float32[4, 16]
        v0 = exp(b0) : float32[4, 16]
        v1 = multiply(v0, float32(2.5)) : float32[4, 16]
        v2 = reduce_sum(v1) {axes=(1,)} : float32[4, 1]
        rows = symbol {name="rows", minimum=1, maximum=64} : index
        v3 = expand(v2) {shape=(4, 2*rows + 1)} : float32[4, 2*rows + 1]
        return v3
        """
    assert print_program([wide]) == textwrap.dedent(expected)
    assert describe_program([wide]).bindings == (storage,)


def test_names_of_symbols_do_not_collide():
    symbols = [symbol(attributes=SymbolAttributes("n", 0, top)) for top in range(3)]
    keyword = symbol(attributes=SymbolAttributes("for", 0, 1))
    text = print_program([*symbols, keyword])
    assert text.endswith("return n, n_0, n_1, for_0\n")
    assert_round_trip([*symbols, keyword])


def test_shared_index_expressions_do_not_explode():
    node = symbol(attributes=SymbolAttributes("n", 1, 64))
    for _ in range(60):
        node = arithmetic.minimum(product(node, node), arithmetic.modulo(node, node))
    text = print_program([node])
    assert len(text) < 20_000
    assert_round_trip([node])


def test_printing_is_linear_and_not_recursive():
    node = constant(1.0, dtypes.float32)
    for _ in range(5000):
        node = exponential.exp(node)
    assert_round_trip([node])


def test_loops_are_shown_as_regions():
    build = Builder("running_total")
    x, y = build.input(dtypes.float32, 64), build.output(dtypes.float32, 64)
    n = build.scalar("n", 64)
    row = build.instance(4)
    with build.loop(0, n, total=constant(0.0, dtypes.float32)) as loop:
        loop["total"] = loop["total"] + build.load(x, row * 16 + loop.index)
        build.store(y, row * 16 + loop.index, loop["total"])
    build.store(y, row, loop["total"] * 2.0)
    expected = """\
        n = scalar {slot=2, name="n", minimum=0, maximum=281474976710655} : index
        p0 = parameter {slot=0, dtype=float32} : float32
        g0 = program_index {axis=0} : index
        p1 = parameter {slot=1, dtype=float32} : float32
        loop0 = for i0 in range(0, n, 1) {loop=0} with c0 = float32(0.0):
          v0 = load(p0, 16*g0 + i0) : float32
          v1 = add(c0, v0) : float32
          do store(p1, 16*g0 + i0, v1)
          next v1
        v2 = loop_result(loop0) {index=0} : float32
        v3 = multiply(v2, float32(2.0)) : float32
        e0 = store(p1, g0, v3)
        e1 = block(loop0, e0)
        e2 = program(e1, 4) {name="running_total", axes=1}
        return e2
        """
    root = build.program().root
    assert print_program([root]) == textwrap.dedent(expected)
    assert_round_trip([root], tiles)


def test_kernels_survive_the_round_trip():
    n = make_scalar(2, "n", 1, 64)
    row, column = kernel.make_axis("row", n), kernel.make_axis("column", 16)
    x, y = make_parameter(0, dtypes.float32), make_parameter(1, dtypes.float32)
    element = exponential.exp(make_load(x, row * 16 + column))
    total = kernel.make_sum(element, column)
    value = where(row < n // 2, total, constant(0.0, dtypes.float32))
    root = kernel.kernel(make_store(y, row, value))
    text = print_program([root])
    assert 'column = axis {name="column", extent=16} : index' in text
    assert_round_trip([root], kernels)
