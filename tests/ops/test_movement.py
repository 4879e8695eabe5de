from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ops.building import Arrays, size
from tilegrad.base.errors import (
    ArgumentError,
    DTypeError,
    OutOfRangeError,
    ShapeError,
    TilegradError,
)
from tilegrad.ir.node import Node
from tilegrad.ops.movement import (
    ConcatenateAttributes,
    ExpandAttributes,
    FlipAttributes,
    PadAttributes,
    PermuteAttributes,
    ReshapeAttributes,
    ShrinkAttributes,
    concatenate,
    expand,
    expand_to,
    filled,
    flip,
    invert_order,
    pad,
    pad_with,
    permute,
    permute_axes,
    reshape,
    reshape_to,
    shrink,
    shrink_to,
)
from tilegrad.ops.windows import SlideAttributes, UnslideAttributes, slide, unslide

Build = Callable[[Node], Node]

REFUSED: dict[str, tuple[Build, type[TilegradError], str]] = {
    "reshape": (
        lambda x: reshape(x, attributes=ReshapeAttributes((4, 2))),
        ShapeError,
        "number of elements",
    ),
    "reshape to a negative size": (
        lambda x: reshape(x, attributes=ReshapeAttributes((-2, -3))),
        ShapeError,
        "number of elements",
    ),
    "permute": (
        lambda x: permute(x, attributes=PermuteAttributes((0, 0))),
        ShapeError,
        "every axis once",
    ),
    "expand": (
        lambda x: expand(x, attributes=ExpandAttributes((2, 6))),
        ShapeError,
        "only axes of size 1",
    ),
    "expand rank": (
        lambda x: expand(x, attributes=ExpandAttributes((1, 2, 3))),
        ShapeError,
        "rank is wrong",
    ),
    "pad": (
        lambda x: pad(x, attributes=PadAttributes(((0, -1), (0, 0)))),
        ShapeError,
        "negative padding",
    ),
    "shrink": (
        lambda x: shrink(x, attributes=ShrinkAttributes(((0, 3), (0, 3)))),
        OutOfRangeError,
        "outside the tensor",
    ),
    "shrink backward": (
        lambda x: shrink(x, attributes=ShrinkAttributes(((2, 1), (0, 3)))),
        OutOfRangeError,
        "outside the tensor",
    ),
    "flip": (lambda x: flip(x, attributes=FlipAttributes((2,))), OutOfRangeError, "no such axis"),
    "flip order": (
        lambda x: flip(x, attributes=FlipAttributes((1, 0))),
        ShapeError,
        "must increase",
    ),
    "concatenate": (
        lambda x: concatenate(x, permute_axes(x, (1, 0)), attributes=ConcatenateAttributes(1)),
        ShapeError,
        "differ elsewhere",
    ),
    "concatenate dtypes": (
        lambda x: concatenate(x, x < 1, attributes=ConcatenateAttributes(1)),
        DTypeError,
        "dtypes differ",
    ),
    "concatenate nothing": (
        lambda _: concatenate(attributes=ConcatenateAttributes(1)),
        ShapeError,
        "nothing to concatenate",
    ),
    "slide": (
        lambda x: slide(x, attributes=SlideAttributes(1, None, 3, 2, 0)),
        ShapeError,
        "reach beyond",
    ),
    "slide along": (
        lambda x: slide(x, attributes=SlideAttributes(1, 0, 3, 1, 1)),
        ShapeError,
        "reach beyond",
    ),
    "slide nonsense": (
        lambda x: slide(x, attributes=SlideAttributes(1, None, 3, 0, 0)),
        ArgumentError,
        "make no sense",
    ),
    "unslide": (
        lambda x: unslide(x, attributes=UnslideAttributes(1, None, 4, 2, 0)),
        ShapeError,
        "reach beyond",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str):
    build, error, message = REFUSED[name]
    x = Arrays().leaf([[1, 2, 3], [4, 5, 6]])
    with pytest.raises(error, match=message):
        build(x)


def test_helpers_leave_out_what_does_nothing():
    x = Arrays().leaf([[1, 2, 3], [4, 5, 6]])
    assert reshape_to(x, (2, 3)) is x
    assert expand_to(x, (2, 3)) is x
    assert permute_axes(x, (0, 1)) is x
    assert pad_with(x, ((0, 0), (0, 0))) is x
    assert shrink_to(x, ((0, 2), (0, 3))) is x


def test_invert_order():
    assert invert_order((2, 0, 1)) == (1, 2, 0)


def test_filled():
    n = size("n")
    arrays = Arrays()
    node = filled(7, arrays.leaf([1.5]).dtype, (2, n))
    assert arrays.value(node, n=2).tolist() == [[7.0, 7.0], [7.0, 7.0]]


def test_symbolic_sizes_are_refused_only_where_they_must_be_wrong():
    n = size("n", 1, 8)
    x = expand_to(Arrays().leaf([[1, 2, 3]]), (n, 3))
    assert reshape_to(x, (n * 3,)).shape == (n * 3,)
    assert reshape_to(x, (3, n)).shape == (3, n)
    with pytest.raises(ShapeError):
        reshape_to(x, (n * 3 + 1,))
    assert shrink_to(x, ((0, 5), (0, 3))).shape == (5, 3)
    with pytest.raises(OutOfRangeError):
        shrink_to(x, ((0, n + 1), (0, 3)))
    assert pad_with(x, ((1, 8 - n), (0, 0))).shape == (9, 3)
    joined = concatenate(x, x, attributes=ConcatenateAttributes(0))
    assert joined.shape == (n * 2, 3)
    assert slide(x, attributes=SlideAttributes(0, 1, n - 2, 1, 1)).shape == (n - 2, 3)
    with pytest.raises(ShapeError):
        slide(x, attributes=SlideAttributes(0, 1, n - 1, 1, 1))
