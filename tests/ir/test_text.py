"""Round trips through the text form, and what it looks like."""

import math
import textwrap

from hypothesis import given

from tests.ir.graphs import constants, index_graphs, tensor_graphs
from tilegrad.ir.dtype import STORABLE, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.parser import parse
from tilegrad.ir.text import describe_program, print_program
from tilegrad.ops import arithmetic, exponential, movement, reduction, tensor
from tilegrad.ops.affine import product
from tilegrad.ops.leaves import (
    BufferAttributes,
    Storage,
    SymbolAttributes,
    buffer,
    constant,
    symbol,
)


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
