import pytest

from tests.rewrite.graphs import leaf
from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import arithmetic, symbolic
from tilegrad.ops.affine import as_node
from tilegrad.ops.leaves import SymbolAttributes, constant, symbol
from tilegrad.ops.movement import filled, reshape_to
from tilegrad.rewrite import broadcast_to, make, rebuild, substitute, transform

add, multiply, negate = arithmetic.add, arithmetic.multiply, arithmetic.negate


def index_symbol(name, maximum=100):
    return symbol(attributes=SymbolAttributes(name, 0, maximum))


def test_rebuild_keeps_op_and_attributes():
    a, b = leaf(), leaf()
    node = reshape_to(a, (12,))
    assert rebuild(node, (b,)) is reshape_to(b, (12,))
    assert rebuild(node, (a,)) is node


def test_rebuild_normalises_index_arithmetic():
    i, j = index_symbol("i"), index_symbol("j")
    total = symbolic.add(symbolic.multiply(i, 4), j, 3)
    assert rebuild(total, tuple(constant(5, dtypes.index) for _ in total.sources)) is constant(
        28, dtypes.index
    )
    quotient = symbolic.floor_divide(total, 4)
    (rest,) = (atom for atom in quotient.sources if atom is not i)
    assert rebuild(rest, (constant(6, dtypes.index), rest.sources[1])) is constant(1, dtypes.index)


def test_make_knows_the_algebra_of_indices():
    i = index_symbol("i")
    assert make(add, (i, constant(0, dtypes.index))) is i
    assert make(arithmetic.subtract, (i, i)) is constant(0, dtypes.index)


def test_broadcast_to():
    scalar, row = leaf(shape=()), leaf(shape=(1, 4))
    assert broadcast_to(row, (3, 4)).shape == (3, 4)
    assert broadcast_to(scalar, (3, 4)).shape == (3, 4)
    assert broadcast_to(scalar, (1, 1)) is reshape_to(scalar, (1, 1))
    assert broadcast_to(row, (1, 4)) is row
    assert broadcast_to(constant(1, dtypes.int32), (2,)) is filled(1, dtypes.int32, (2,))
    for shape in ((3, 5), (4,), (1, 1, 4)):
        with pytest.raises(VerifyError, match="does not broadcast"):
            broadcast_to(row, shape)


def test_substitute_replaces_everywhere():
    a, b, new = leaf(), leaf(), leaf()
    first, second = multiply(a, b), add(multiply(a, b), a)
    assert substitute([first, second, b], {a: new}) == [
        multiply(new, b),
        add(multiply(new, b), new),
        b,
    ]
    assert substitute([second], {}) == [second]


def test_substitute_takes_keys_that_are_not_leaves_and_does_not_search_values():
    a, b = leaf(), leaf()
    product = multiply(a, b)
    assert substitute([negate(product)], {product: add(product, a)}) == [negate(add(product, a))]


def test_substitute_reaches_symbolic_sizes():
    n = index_symbol("n")
    doubled = as_node(symbolic.multiply(n, 2))
    a = leaf(shape=(1, 4))
    grown = broadcast_to(a, (doubled, 4))
    (found,) = substitute([negate(grown)], {n: constant(3, dtypes.index)})
    assert found is negate(broadcast_to(a, (6, 4)))


def test_substitute_is_iterative():
    node = start = leaf()
    for _ in range(20_000):
        node = negate(node)
    (found,) = substitute([node], {start: leaf()})
    assert found is not node


def test_transform_gives_each_node_once_with_its_like_over_new_sources():
    a, b = leaf(), leaf()
    first = multiply(a, b)
    second = add(first, negate(first))
    seen = []

    def change(node, new):
        seen.append(node)
        return arithmetic.subtract(*new.sources) if node.op is add else b if node is a else new

    changed = multiply(b, b)
    assert transform([second, first], change) == [
        arithmetic.subtract(changed, negate(changed)),
        changed,
    ]
    assert seen == sort_topologically([second, first])


def test_transform_without_a_change_gives_the_same_nodes():
    i = index_symbol("i")
    node = add(leaf(shape=()), leaf())
    total = as_node(symbolic.add(symbolic.multiply(i, 4), 3))
    assert transform([node, total], lambda _, new: new) == [node, total]
