from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ops.building import Arrays, size
from tilegrad.base.errors import DTypeError, OutOfRangeError, ShapeError, TilegradError
from tilegrad.ir.node import Node
from tilegrad.ops.indexing import gather_from, scatter_into
from tilegrad.ops.movement import expand_to, reshape_to
from tilegrad.ops.sorting import ArgsortAttributes, argsort
from tilegrad.tensor.autodiff import gradients

Build = Callable[[Node, Node], Node]

REFUSED: dict[str, tuple[Build, type[TilegradError], str]] = {
    "no axis": (lambda x, i: gather_from(x, (i,), (2,)), OutOfRangeError, "no such axis"),
    "too few indices": (lambda x, i: gather_from(x, (i,), (0, 1)), ShapeError, "one index tensor"),
    "order of axes": (lambda x, i: gather_from(x, (i, i), (1, 0)), ShapeError, "must increase"),
    "fractions": (lambda x, _: gather_from(x, (x,), (0,)), DTypeError, "indices are integers"),
    "different shapes": (
        lambda x, i: gather_from(x, (i, reshape_to(i, (1, 1))), (0, 1)),
        ShapeError,
        "differ in shape",
    ),
    "updates": (lambda x, i: scatter_into(x, x, (i,), (0,), "set"), ShapeError, "wrong shape"),
    "dtypes": (lambda x, i: scatter_into(x, i, (i,), (0,), "set"), DTypeError, "dtypes differ"),
    "bools": (
        lambda x, i: scatter_into(x < 1, gather_from(x < 1, (i,), (0,)), (i,), (0,), "add"),
        DTypeError,
        "bools do not add",
    ),
    "argsort": (
        lambda x, _: argsort(x, attributes=ArgsortAttributes(2, descending=False)),
        OutOfRangeError,
        "no such axis",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str):
    build, error, message = REFUSED[name]
    arrays = Arrays()
    with pytest.raises(error, match=message):
        build(arrays.leaf([[1.0, 2.0], [3.0, 4.0]]), arrays.leaf([0]))


def test_symbolic_sizes():
    n = size("n", 1, 8)
    arrays = Arrays()
    x = expand_to(arrays.leaf([[1.0, 2.0]]), (n, 2))
    picked = gather_from(x, (arrays.leaf([0, 5]),), (0,))
    assert picked.shape == (2, 2)
    assert arrays.value(picked, n=3).tolist() == [[1.0, 2.0], [0.0, 0.0]]


def test_only_the_last_of_repeated_updates_gets_a_gradient():
    arrays = Arrays()
    base, updates = arrays.leaf([1.0, 2.0, 3.0]), arrays.leaf([10.0, 20.0, 30.0, 40.0])
    index, upstream = arrays.leaf([2, 0, 2, 9]), arrays.leaf([1.0, 2.0, 4.0])
    node = scatter_into(base, updates, (index,), (0,), "set")
    assert arrays.value(node).tolist() == [20.0, 2.0, 30.0]
    first, second = gradients([node], [base, updates], [upstream])
    assert first is not None
    assert second is not None
    assert arrays.value(first).tolist() == [0.0, 2.0, 0.0]
    assert arrays.value(second).tolist() == [0.0, 1.0, 4.0, 0.0]
