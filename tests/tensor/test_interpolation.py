import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

functional = torch.nn.functional


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
@pytest.mark.parametrize("size", [(4, 5), (8, 10), (3, 7), (1, 1), (9, 2)])
def test_images_are_those_of_torch(mode, size):
    array = random_array((2, 3, 4, 5))
    expected = functional.interpolate(to_torch(array), size, mode=mode)
    check(Tensor(array).interpolate(size, mode), expected, tolerance=2e-5)
    if mode in ("bilinear", "bicubic"):
        expected = functional.interpolate(to_torch(array), size, mode=mode, align_corners=True)
        found = Tensor(array).interpolate(size, mode, align_corners=True)
        check(found, expected, tolerance=2e-5)


@pytest.mark.parametrize(("mode", "spatial"), [("linear", 1), ("trilinear", 3), ("nearest", 3)])
def test_other_numbers_of_axes(mode, spatial):
    array = random_array((2, 3, *(4, 5, 3)[:spatial]))
    size = (7, 3, 6)[:spatial]
    expected = functional.interpolate(to_torch(array), size, mode=mode)
    check(Tensor(array).interpolate(size, mode), expected, tolerance=2e-5)


@pytest.mark.parametrize("factor", [2, 1.7, (0.5, 3.0)])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_factors(factor, mode):
    array = random_array((2, 3, 4, 5))
    expected = functional.interpolate(to_torch(array), scale_factor=factor, mode=mode)
    check(Tensor(array).interpolate(scale_factor=factor, mode=mode), expected, tolerance=2e-5)


def test_dtypes_and_gradient():
    numbers = Tensor(random_array((1, 1, 4, 4), dtypes.int32))
    assert numbers.interpolate((2, 2), "nearest").dtype is dtypes.int32
    assert numbers.interpolate((2, 2), "bilinear").dtype is dtypes.float32
    array = random_array((1, 2, 4, 5))
    source = to_torch(array).requires_grad_()
    functional.interpolate(source, (7, 3), mode="bicubic").square().sum().backward()
    tensor = Tensor(array, requires_grad=True)
    tensor.interpolate((7, 3), "bicubic").square().sum().backward()
    check(tensor.grad, source.grad, tolerance=1e-4)


def test_interpolation_refuses():
    image = Tensor.ones(1, 1, 4, 4)
    with pytest.raises(ArgumentError, match="mode"):
        image.interpolate((2, 2), "smooth")
    with pytest.raises(ArgumentError, match="size or a scale factor"):
        image.interpolate()
    with pytest.raises(ShapeError, match="1 or more"):
        image.interpolate((0, 2))
