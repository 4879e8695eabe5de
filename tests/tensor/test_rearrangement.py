import numpy
import pytest

from tests.tensor.support import check, random_array
from tilegrad import Tensor
from tilegrad.base.errors import ArgumentError, ShapeError


@pytest.mark.parametrize(
    ("formula", "sizes", "by_hand"),
    [
        ("b c h -> h b c", {}, lambda x: x.transpose(2, 0, 1)),
        ("b c h -> b (c h)", {}, lambda x: x.reshape(2, 12)),
        ("b (c d) h -> b d c h", {"d": 2}, lambda x: x.reshape(2, 2, 2, 3).swapaxes(1, 2)),
        ("... h -> h ...", {}, lambda x: numpy.moveaxis(x, 2, 0)),
        ("b ... -> ... b 1", {}, lambda x: numpy.moveaxis(x, 0, 2)[..., None]),
        ("b c h -> (b c h)", {}, lambda x: x.reshape(24)),
    ],
)
def test_formulas(formula, sizes, by_hand):
    array = random_array((2, 4, 3))
    check(Tensor(array).rearrange(formula, **sizes), by_hand(array))


@pytest.mark.parametrize(
    ("formula", "error", "match"),
    [
        ("b c h", ArgumentError, "arrow"),
        ("b c -> c b", ShapeError, "number of axes"),
        ("b c h -> b c", ArgumentError, "same names"),
        ("b (c d) h -> b c d h", ArgumentError, "not known"),
        ("b (c h -> b c h", ArgumentError, "parentheses"),
        ("b c+h -> b c h", ArgumentError, "cannot be read"),
        ("... b ... -> b ...", ArgumentError, "ellipsis"),
    ],
)
def test_refusals(formula, error, match):
    with pytest.raises(error, match=match):
        Tensor.ones(2, 4, 3).rearrange(formula)


def test_sizes_must_divide():
    with pytest.raises(ShapeError, match="make up the axis"):
        Tensor.ones(2, 4, 3).rearrange("b (c d) h -> b c d h", d=3)
