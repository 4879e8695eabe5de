import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import DTypeError, ShapeError
from tilegrad.ir.dtype import STORABLE


@pytest.mark.parametrize("target", STORABLE, ids=str)
def test_casts_of_small_whole_numbers(target):
    values = numpy.array([0, 1, 2, 5], numpy.float32)
    for source in STORABLE:
        found = Tensor(values).cast(source).cast(target)
        assert found.dtype is target
        expected = [min(value, 1) if dtypes.bool in (source, target) else value for value in values]
        assert [float(value) for value in found.tolist()] == expected


def test_short_names():
    tensor = Tensor([1.5])
    names = {
        "half": dtypes.float16,
        "bfloat16": dtypes.bfloat16,
        "float": dtypes.float32,
        "double": dtypes.float64,
        "short": dtypes.int16,
        "int": dtypes.int32,
        "long": dtypes.int64,
        "bool": dtypes.bool,
    }
    for name, dtype in names.items():
        assert getattr(tensor, name)().dtype is dtype
    assert tensor.type_as(Tensor([1])).dtype is dtypes.int64
    assert tensor.cast("int8").dtype is dtypes.int8


def test_floats_to_integers_saturate():
    values = Tensor([1e20, -1e20, numpy.nan, -1.9, 300.0])
    assert values.cast("int32").tolist() == [2**31 - 1, -(2**31), 0, -1, 300]
    assert values.cast("uint8").tolist() == [255, 0, 0, 0, 255]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (dtypes.float32, dtypes.int32),
        (dtypes.float32, dtypes.uint8),
        (dtypes.int64, dtypes.int16),
        (dtypes.uint8, dtypes.float32),
        (dtypes.int16, dtypes.int64),
        (dtypes.float64, dtypes.float16),
    ],
    ids=str,
)
def test_bits_are_those_of_numpy(source, target):
    array = random_array((3, 8), source)
    expected = array.view(target.numpy)
    found = Tensor(array).bitcast(target)
    assert found.shape == expected.shape
    numpy.testing.assert_array_equal(found.numpy().view(numpy.uint8), expected.view(numpy.uint8))


def test_bits_are_those_of_torch():
    array = random_array((4,))
    check(Tensor(array).bitcast("int32"), to_torch(array).view(torch.int32))


def test_bits_refuse():
    with pytest.raises(DTypeError, match="bool"):
        Tensor([True]).bitcast("int8")
    with pytest.raises(ShapeError, match="divisible by 4"):
        Tensor([1, 2, 3], dtype="uint8").bitcast("float32")
    with pytest.raises(ShapeError, match="scalar"):
        Tensor(1.0).bitcast("uint8")
