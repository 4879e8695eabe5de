"""PyTorch's other names give what they give there."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ShapeError

UNIT = numpy.linspace(-0.9, 0.9, 12, dtype=numpy.float32).reshape(3, 4)
OTHER = random_array((3, 4), seed=1)
WHOLE = numpy.arange(12).reshape(3, 4)
UNARY = [
    "absolute",
    "arccos",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "fix",
    "negative",
    "ravel",
    "t",
    "clamp_min",
    "clamp_max",
]
BINARY = [
    "arctan2",
    "divide",
    "true_divide",
    "multiply",
    "subtract",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one(name):
    arguments = (0.2,) if "clamp" in name else ()
    check(getattr(Tensor(UNIT), name)(*arguments), getattr(to_torch(UNIT), name)(*arguments))


@pytest.mark.parametrize("name", [*BINARY, "not_equal"])
def test_functions_of_two(name):
    expected = getattr(to_torch(UNIT), name)(to_torch(OTHER))
    check(getattr(Tensor(UNIT), name)(Tensor(OTHER)), expected)


def test_others():
    check(Tensor(UNIT + 2).arccosh(), to_torch(UNIT + 2).arccosh(), tolerance=1e-5)
    for name in ("bitwise_left_shift", "bitwise_right_shift"):
        check(
            getattr(Tensor(WHOLE), name)(Tensor(WHOLE % 3)),
            getattr(torch, name)(*map(to_torch, (WHOLE, WHOLE % 3))),
        )
    check(Tensor(UNIT).concat(Tensor(OTHER), dim=1), numpy.concatenate([UNIT, OTHER], 1))
    check(Tensor(UNIT[0]).ger(Tensor(OTHER[1])), to_torch(UNIT[0]).ger(to_torch(OTHER[1])))
    check(Tensor(UNIT).swapdims(0, 1), UNIT.T)
    check(Tensor(UNIT).view_as(Tensor(UNIT.T.copy())), UNIT.reshape(4, 3))
    assert (Tensor(UNIT).nelement(), Tensor(UNIT).ndimension()) == (12, 2)


def test_tensors_like_another():
    x = Tensor(UNIT, dtype="float64")
    check(x.new_zeros(2, 3), numpy.zeros((2, 3)))
    check(x.new_ones(4), numpy.ones(4))
    check(Tensor(WHOLE).new_full((2,), 7), numpy.full(2, 7))
    assert x.new_full((), 1.5).dtype is dtypes.float64


def test_only_matrices_are_transposed_so():
    with pytest.raises(ShapeError, match="two axes"):
        Tensor(numpy.ones((1, 2, 3))).t()


IN_PLACE = [
    ("zero_", (), {}),
    ("fill_", (2.5,), {}),
    ("copy_", (WHOLE,), {}),
    ("add_", (OTHER,), {"alpha": 0.5}),
    ("sub_", (OTHER[0],), {"alpha": 3}),
    ("mul_", (OTHER,), {}),
    ("div_", (OTHER,), {"rounding_mode": "floor"}),
]


@pytest.mark.parametrize(("name", "arguments", "options"), IN_PLACE)
def test_methods_in_place(name, arguments, options):
    x, expected = Tensor(UNIT).realize(), to_torch(UNIT.copy())
    memory, before = x.node.attributes.storage, x + 1
    theirs = [to_torch(one) if isinstance(one, numpy.ndarray) else one for one in arguments]
    ours = [Tensor(one) if isinstance(one, numpy.ndarray) else one for one in arguments]
    assert getattr(x, name)(*ours, **options) is x
    check(x, getattr(expected, name)(*theirs, **options))
    assert x.node.attributes.storage is memory
    check(before, UNIT + 1)


def test_tensors_like_others():
    whole = Tensor(WHOLE)
    assert whole.new_empty(2, 3).dtype is whole.new_tensor([1.0]).dtype is dtypes.int64
    check(whole.argwhere(), to_torch(WHOLE).argwhere())
    assert whole.equal(Tensor(WHOLE))
    assert not whole.equal(Tensor(WHOLE[:1]))
    assert not whole.equal(whole + 1)
    assert [Tensor([1], dtype=one).is_signed() for one in ("int8", "uint8", "bool")] == [
        True,
        False,
        False,
    ]
    found = Tensor.broadcast_tensors(Tensor(UNIT), Tensor([[1.0], [2.0], [3.0]]), Tensor(4.0))
    wanted = torch.broadcast_tensors(
        to_torch(UNIT), torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor(4.0)
    )
    for one, other in zip(found, wanted, strict=True):
        check(one, other)
    with pytest.raises(ShapeError, match="broadcast"):
        Tensor.broadcast_tensors(Tensor([1, 2]), Tensor([1, 2, 3]))
    drawn = whole.randint_like(3, 5)
    assert drawn.shape == whole.shape
    assert set(drawn.flatten().tolist()) <= {3, 4}
