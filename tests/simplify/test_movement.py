from tests.rewrite.graphs import leaf
from tests.simplify.simplified import simplify
from tilegrad.ir.dtype import dtypes
from tilegrad.ops import movement
from tilegrad.ops.leaves import SymbolAttributes, symbol
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    FlipAttributes,
    concatenate,
    expand_to,
    filled,
    pad_with,
    permute_axes,
    reshape_to,
    shrink_to,
)


def test_movements_that_move_nothing_vanish():
    x = leaf(shape=(3, 1, 4))
    plain = (
        movement.reshape(x, attributes=movement.ReshapeAttributes(x.shape)),
        movement.permute(x, attributes=movement.PermuteAttributes((0, 1, 2))),
        movement.expand(x, attributes=movement.ExpandAttributes(x.shape)),
        movement.pad(x, attributes=movement.PadAttributes(((0, 0),) * 3)),
        movement.shrink(x, attributes=movement.ShrinkAttributes(((0, 3), (0, 1), (0, 4)))),
        movement.flip(x, attributes=FlipAttributes((1,))),
        concatenate(x, attributes=ConcatenateAttributes(0)),
    )
    assert all(simplify(node) is x for node in plain)


def test_movements_of_a_kind_merge():
    x = leaf()
    assert simplify(permute_axes(permute_axes(x, (1, 0)), (1, 0))) is x
    assert simplify(reshape_to(reshape_to(x, (12,)), (2, 6))) is reshape_to(x, (2, 6))
    twice = pad_with(pad_with(x, ((1, 0), (0, 2))), ((0, 1), (1, 0)))
    assert simplify(twice) is pad_with(x, ((1, 1), (1, 2)))
    cut = shrink_to(shrink_to(x, ((1, 3), (0, 4))), ((0, 1), (2, 4)))
    assert simplify(cut) is shrink_to(x, ((1, 2), (2, 4)))


def test_concatenations_are_flat_and_without_empty_parts():
    a, b, c, empty = leaf(), leaf(), leaf(), leaf(shape=(0, 4))
    rows, columns = ConcatenateAttributes(0), ConcatenateAttributes(1)
    inner = concatenate(b, empty, attributes=rows)
    assert simplify(concatenate(a, inner, c, attributes=rows)) is concatenate(
        a, b, c, attributes=rows
    )
    across = concatenate(a, concatenate(b, c, attributes=rows), attributes=rows)
    assert simplify(across).sources == (a, b, c)
    other = concatenate(
        a, concatenate(leaf(shape=(3, 2)), c, attributes=columns), attributes=columns
    )
    assert len(simplify(other).sources) == 3


def test_cuts_go_into_what_they_cut():
    x, y = leaf(), leaf()
    padded = pad_with(x, ((2, 2), (0, 0)))
    assert simplify(shrink_to(padded, ((2, 5), (0, 4)))) is x
    assert simplify(shrink_to(padded, ((0, 4), (1, 3)))) is pad_with(
        shrink_to(x, ((0, 2), (1, 3))), ((2, 0), (0, 0))
    )
    assert simplify(shrink_to(padded, ((0, 2), (0, 4)))) is filled(0, dtypes.int32, (2, 4))
    joined = concatenate(x, y, attributes=ConcatenateAttributes(0))
    assert simplify(shrink_to(joined, ((3, 6), (0, 4)))) is y
    assert simplify(shrink_to(joined, ((2, 5), (0, 4)))).sources == (joined,)


def test_expansions_go_outward():
    x = leaf(shape=(3, 1))
    grown = expand_to(x, (3, 4))
    assert simplify(permute_axes(grown, (1, 0))) is expand_to(reshape_to(x, (1, 3)), (4, 3))
    assert simplify(shrink_to(grown, ((1, 3), (1, 3)))) is expand_to(
        shrink_to(x, ((1, 3), (0, 1))), (2, 2)
    )
    assert simplify(reshape_to(grown, (3, 1, 4))) is expand_to(reshape_to(x, (3, 1, 1)), (3, 1, 4))
    assert simplify(reshape_to(grown, (12,))) is reshape_to(grown, (12,))


def test_symbolic_sizes_are_left_in_peace():
    n = symbol(attributes=SymbolAttributes("n", 1, 8))
    x = leaf(shape=(1, 4))
    grown = expand_to(x, (n, 4))
    assert simplify(grown) is grown
    assert simplify(permute_axes(grown, (1, 0))) is expand_to(reshape_to(x, (4, 1)), (4, n))
    assert simplify(shrink_to(pad_with(grown, ((1, 0), (0, 0))), ((0, 1), (0, 4)))).shape == (1, 4)
