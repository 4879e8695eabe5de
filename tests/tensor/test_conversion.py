import numpy
import pytest

from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError


def test_reading():
    tensor = Tensor([[1.5, 2.0]])
    assert tensor.tolist() == [[1.5, 2.0]]
    assert Tensor([7]).item() == 7
    assert isinstance(Tensor(7).item(), int)
    assert isinstance(Tensor(True).item(), bool)
    assert (int(Tensor(7)), float(Tensor(2)), bool(Tensor(0.0))) == (7, 2.0, False)
    assert [10, 20, 30][Tensor(1)] == 20
    assert Tensor([1, 2, 3]).data().tolist() == [1, 2, 3]
    assert numpy.asarray(tensor).tolist() == [[1.5, 2.0]]
    assert numpy.array(tensor, dtype=numpy.int32).tolist() == [[1, 2]]
    numpy.testing.assert_allclose(numpy.exp(tensor), numpy.exp([[1.5, 2.0]]), rtol=1e-6)
    assert Tensor([1.5], dtype="bfloat16").tolist() == [1.5]
    assert Tensor([1.5], dtype="float8_e4m3").item() == 1.5


def test_reading_refuses():
    with pytest.raises(ShapeError, match="exactly one element"):
        Tensor([1, 2]).item()
    with pytest.raises(ShapeError, match="neither true nor false"):
        bool(Tensor([True, False]))
    with pytest.raises(DTypeError, match="index"):
        [1, 2][Tensor(0.0)]
    with pytest.raises(ShapeError, match="no length"):
        len(Tensor(1))


def test_realising():
    first, second = Tensor.ones(2) + 1, Tensor.ones(3) * 2
    assert not first.is_realized()
    assert first.realize(second) is first
    assert first.is_realized()
    assert second.is_realized()
    assert first.detach().tolist() == [2.0, 2.0]
    assert first.contiguous().clone().tolist() == [2.0, 2.0]


def test_devices():
    tensor = Tensor([1.0, 2.0], device="reference")
    assert tensor.to("reference") is tensor
    assert tensor.to(None).device == Tensor([1]).device
    assert tensor.to("cpu").device == tensor.cpu().device == "cpu"
    assert tensor.to(dtypes.int32).dtype is dtypes.int32
    assert tensor.to_("cpu") is tensor
    assert tensor.device == "cpu"


def test_assignment():
    tensor = Tensor.zeros(2, 3).realize()
    before = tensor + 1
    assert tensor.assign([1, 2, 3]) is tensor
    assert tensor.tolist() == [[1, 2, 3]] * 2
    assert before.tolist() == [[1, 1, 1]] * 2
    tensor.assign(5)
    assert tensor.tolist() == [[5, 5, 5]] * 2
    lazy = Tensor.zeros(3)
    lazy.assign(Tensor([1, 2, 3]))
    assert lazy.tolist() == [1, 2, 3]
    with pytest.raises(ShapeError, match="broadcast"):
        tensor.assign(Tensor.ones(4))
    with pytest.raises(DTypeError, match="does not fit"):
        Tensor([1, 2]).assign(1.5)
    with pytest.raises(ArgumentError, match="fit into int8"):
        Tensor([1, 2], dtype="int8").assign(300)


def test_assignments_follow_each_other():
    tensor = Tensor([1.0, 2.0]).realize()
    tensor.assign(tensor + 1)
    between = tensor * 10
    tensor.assign(tensor * 2)
    tensor.realize()
    assert between.tolist() == [20.0, 30.0]
    assert tensor.tolist() == [4.0, 6.0]
    other = Tensor([5.0, 5.0]).realize()
    tensor, other = tensor.assign(other), other.assign(tensor + 0)
    tensor.realize(other)
    assert tensor.tolist() == [5.0, 5.0]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("t += 2", [9, 5]),
        ("t -= 2", [5, 1]),
        ("t *= 2", [14, 6]),
        ("t //= 2", [3, 1]),
        ("t %= 2", [1, 1]),
        ("t **= 2", [49, 9]),
        ("t &= 2", [2, 2]),
        ("t |= 8", [15, 11]),
        ("t ^= 1", [6, 2]),
        ("t <<= 1", [14, 6]),
        ("t >>= 1", [3, 1]),
    ],
)
def test_in_place_operators(statement, expected):
    tensor = Tensor([7, 3]).realize()
    names = {"t": tensor}
    exec(statement, names)
    assert names["t"] is tensor
    assert tensor.tolist() == expected


def test_replacing():
    tensor = Tensor([1.0, 2.0])
    tensor.replace(Tensor([3.0, 4.0]))
    assert tensor.tolist() == [3.0, 4.0]
    with pytest.raises(ShapeError, match="replace"):
        tensor.replace(Tensor([1.0]))
    with pytest.raises(DTypeError, match="replace"):
        tensor.replace(Tensor([1, 2]))
