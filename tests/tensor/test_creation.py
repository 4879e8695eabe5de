import numpy
import pytest

from tests.tensor.support import check
from tilegrad import Tensor, Variable, dtypes
from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    DTypeError,
    ShapeError,
)


def test_values():
    check(Tensor.zeros(2, 3), numpy.zeros((2, 3), numpy.float32))
    check(Tensor.ones((2, 3), dtype="int8"), numpy.ones((2, 3), numpy.int8))
    check(Tensor.full((2,), 7), numpy.full(2, 7))
    check(Tensor.full((2,), True), numpy.full(2, True))
    check(Tensor.full((), 0.5), numpy.float32(0.5))
    check(Tensor.full(3, 1.5), numpy.full(3, 1.5, numpy.float32))
    check(Tensor.empty(2, 0), numpy.zeros((2, 0), numpy.float32))


def test_likeness():
    tensor = Tensor.zeros(2, 3, dtype="int16", device="reference")
    for like in (tensor.ones_like(), tensor.zeros_like(), tensor.full_like(3)):
        assert (like.shape, like.dtype, like.device) == ((2, 3), dtypes.int16, "reference")
    assert tensor.full_like(0.5, dtype="float64").dtype is dtypes.float64


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_grids(indexing):
    arrays = [numpy.arange(size, dtype=numpy.float32) for size in (2, 3, 4)]
    tensors = [Tensor(array) for array in arrays]
    for found, expected in zip(
        Tensor.meshgrid(*tensors, indexing=indexing),
        numpy.meshgrid(*arrays, indexing=indexing),
        strict=True,
    ):
        check(found, expected)


def test_data_of_python():
    check(Tensor([[1, 2], [3, 4]]), numpy.array([[1, 2], [3, 4]]))
    check(Tensor([1.5, 2]), numpy.array([1.5, 2], numpy.float32))
    check(Tensor([True, False]), numpy.array([True, False]))
    check(Tensor(3), numpy.array(3))
    check(Tensor(True), numpy.array(True))
    check(Tensor([]), numpy.zeros(0, numpy.float32))
    check(Tensor(None), numpy.zeros(0, numpy.float32))
    check(Tensor(b"\x01\xff"), numpy.array([1, 255], numpy.uint8))
    check(Tensor([1, 2], dtype="float16"), numpy.array([1, 2], numpy.float16))
    check(Tensor(range(3)), numpy.arange(3))
    check(Tensor([Tensor([1, 2]), [3, 4]]), numpy.array([[1, 2], [3, 4]]))
    assert Tensor([2.5, -1.5], dtype="int32").tolist() == [2, -1]


def test_arrays_are_copied_and_keep_their_dtype():
    array = numpy.arange(3, dtype=numpy.float64)
    tensor = Tensor(array)
    array[0] = 9
    assert tensor.dtype is dtypes.float64
    assert tensor.tolist() == [0.0, 1.0, 2.0]
    copied = tensor.numpy()
    copied[1] = 9
    assert tensor.tolist() == [0.0, 1.0, 2.0]
    assert Tensor(numpy.arange(6).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert Tensor(numpy.array([1, 2], ">i4")).tolist() == [1, 2]


def test_tensors_of_tensors():
    tensor = Tensor([1.0, 2.0])
    assert Tensor(tensor).tolist() == [1.0, 2.0]
    assert Tensor(tensor, dtype="int8").dtype is dtypes.int8
    assert Tensor(tensor, device="reference").device == "reference"


def test_creation_refuses():
    with pytest.raises(ShapeError, match="sequence"):
        Tensor([[1, 2], [3]])
    with pytest.raises(ArgumentTypeError, match="no tensor can be made"):
        Tensor("text")
    with pytest.raises(ArgumentTypeError, match="no tensor can be made"):
        Tensor({1: 2})
    with pytest.raises(ArgumentError, match="fit into uint8"):
        Tensor(300, dtype="uint8")
    with pytest.raises(ArgumentError, match="fit into int8"):
        Tensor([1, -200], dtype="int8")
    with pytest.raises(DTypeError, match="unknown dtype"):
        Tensor([1], dtype="float31")
    with pytest.raises(DTypeError, match="NumPy dtype"):
        Tensor(numpy.array([1j]))
    with pytest.raises(DeviceError, match="no such device"):
        Tensor([1], device="gpu")
    with pytest.raises(ArgumentError, match="negative"):
        Tensor.zeros(2, -1)
    with pytest.raises(ArgumentError, match="unknown indexing"):
        Tensor.meshgrid(Tensor.ones(2), indexing="yx")
    with pytest.raises(ArgumentError, match="one axis"):
        Tensor.meshgrid(Tensor.ones(2, 2))


def test_symbolic_shapes():
    length = Variable("length", 1, 8)
    assert Tensor.zeros(length, 3).shape == (length, 3)
