import itertools

import pytest
import torch

from tests.tensor.support import FLOATS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

CONVOLUTIONS = {
    1: torch.nn.functional.conv1d,
    2: torch.nn.functional.conv2d,
    3: torch.nn.functional.conv3d,
}
TRANSPOSED = {
    1: torch.nn.functional.conv_transpose1d,
    2: torch.nn.functional.conv_transpose2d,
    3: torch.nn.functional.conv_transpose3d,
}


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 0), (2, 1, 1), (3, 2, 2)])
def test_convolutions_are_those_of_torch(spatial, groups, stride, dilation, padding):
    x = random_array((2, 4, *(7, 8, 9)[:spatial]))
    w, b = random_array((6, 4 // groups, *(3, 2, 3)[:spatial])), random_array((6,))
    expected = CONVOLUTIONS[spatial](
        to_torch(x), to_torch(w), to_torch(b), stride, padding, dilation, groups
    )
    found = Tensor(x).conv2d(Tensor(w), Tensor(b), groups, stride, dilation, padding)
    check(found, expected, tolerance=2e-5)


@pytest.mark.parametrize(("stride", "dilation"), list(itertools.product((1, 2, 3), repeat=2)))
def test_every_stride_and_dilation(stride, dilation):
    x, w = random_array((1, 2, 11, 12)), random_array((3, 2, 3, 3))
    expected = torch.nn.functional.conv2d(
        to_torch(x), to_torch(w), stride=stride, dilation=dilation, padding=1
    )
    found = Tensor(x).conv2d(Tensor(w), stride=stride, dilation=dilation, padding=1)
    check(found, expected, tolerance=2e-5)


def test_numbers_for_each_axis():
    x, w = random_array((2, 2, 9, 10)), random_array((3, 2, 3, 2))
    numbers = {"stride": (2, 1), "dilation": (1, 3), "padding": (2, 0)}
    expected = torch.nn.functional.conv2d(to_torch(x), to_torch(w), **numbers)
    check(Tensor(x).conv2d(Tensor(w), **numbers), expected, tolerance=2e-5)
    padded = torch.nn.functional.pad(to_torch(x), (1, 2, 3, 0))
    expected = torch.nn.functional.conv2d(padded, to_torch(w))
    check(Tensor(x).conv2d(Tensor(w), padding=(1, 2, 3, 0)), expected, tolerance=2e-5)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name_and_missing_batch(padding):
    x, w = random_array((2, 9, 10)), random_array((3, 2, 3, 4))
    expected = torch.nn.functional.conv2d(to_torch(x), to_torch(w), padding=padding)
    check(Tensor(x).conv2d(Tensor(w), padding=padding), expected, tolerance=2e-5)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_narrow_floats_are_summed_widely(dtype):
    x, w = random_array((1, 3, 6, 6), dtype), random_array((2, 3, 3, 3), dtype)
    wide = (to_torch(x).double(), to_torch(w).double())
    expected = torch.nn.functional.conv2d(*wide).to(to_torch(x).dtype)
    check(Tensor(x).conv2d(Tensor(w)), expected, tolerance=None if dtype.bits < 32 else 2e-5)
    assert Tensor(x).conv2d(Tensor(w), dtype=dtypes.float32).dtype is dtypes.float32


@pytest.mark.parametrize("spatial", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    ("stride", "dilation", "padding", "extra"), [(1, 1, 0, 0), (2, 1, 1, 1), (3, 2, 2, 0)]
)
def test_transposed_convolutions_are_those_of_torch(
    spatial, groups, stride, dilation, padding, extra
):
    x = random_array((2, 4, *(4, 5, 3)[:spatial]))
    w, b = random_array((4, 6 // groups, *(3, 2, 3)[:spatial])), random_array((6,))
    expected = TRANSPOSED[spatial](
        to_torch(x), to_torch(w), to_torch(b), stride, padding, extra, groups, dilation
    )
    found = Tensor(x).conv_transpose2d(
        Tensor(w), Tensor(b), groups, stride, dilation, padding, extra
    )
    check(found, expected, tolerance=2e-5)


def test_convolutions_refuse():
    x = Tensor.ones(1, 4, 8, 8)
    with pytest.raises(ShapeError, match="4 channels, a weight for 3"):
        x.conv2d(Tensor.ones(2, 3, 3, 3))
    with pytest.raises(ShapeError, match="longer than the padded axis"):
        x.conv2d(Tensor.ones(2, 4, 9, 3))
    with pytest.raises(ArgumentError, match="3 groups"):
        x.conv2d(Tensor.ones(2, 4, 3, 3), groups=3)
    with pytest.raises(ShapeError, match="bias"):
        x.conv2d(Tensor.ones(2, 4, 3, 3), Tensor.ones(3))
    with pytest.raises(ArgumentError, match="1 or more"):
        x.conv2d(Tensor.ones(2, 4, 3, 3), stride=0)
    with pytest.raises(ArgumentError, match="wrong length"):
        x.conv2d(Tensor.ones(2, 4, 3, 3), stride=(1, 2, 3))
    with pytest.raises(ShapeError, match="axes"):
        Tensor.ones(8, 8).conv2d(Tensor.ones(2, 4, 3, 3))
