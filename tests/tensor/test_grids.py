"""Images seen through grids against torch's, with gradients by images and places."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ArgumentError, ShapeError

functional = torch.nn.functional
IMAGES = random_array((2, 3, 5, 7))
GRID = random_array((2, 4, 6, 2), seed=1)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grid_sample(mode, padding_mode, align_corners):
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    x, grid = Tensor(IMAGES, requires_grad=True), Tensor(GRID, requires_grad=True)
    y, places = to_torch(IMAGES).requires_grad_(), to_torch(GRID).requires_grad_()
    found = x.grid_sample(grid, **options)
    expected = functional.grid_sample(y, places, **options)
    check(found, expected, tolerance=1e-5)
    found.square().sum().backward()
    expected.square().sum().backward()
    check(x.grad, y.grad, tolerance=1e-4)
    if mode == "bilinear":
        check(grid.grad, places.grad, tolerance=1e-4)


@pytest.mark.parametrize("align_corners", [False, True])
def test_affine_grid(align_corners):
    maps = random_array((2, 2, 3))
    for size in ((2, 3, 4, 5), (2, 1, 2, 3)):
        expected = functional.affine_grid(to_torch(maps), size, align_corners)
        check(Tensor(maps).affine_grid(size, align_corners), expected, tolerance=1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="grid_sample"):
        Tensor(IMAGES).grid_sample(Tensor(GRID[:1]))
    with pytest.raises(ArgumentError, match="mode"):
        Tensor(IMAGES).grid_sample(Tensor(GRID), mode="bicubic")
    with pytest.raises(ShapeError, match="affine_grid"):
        Tensor(numpy.ones((2, 3, 3), numpy.float32)).affine_grid((2, 1, 4, 4))


def test_grid_sample_of_no_images_is_that_of_torch():
    images, grid = numpy.zeros((0, 2, 3, 3), "f4"), numpy.zeros((0, 2, 2, 2), "f4")
    expected = torch.nn.functional.grid_sample(
        torch.tensor(images), torch.tensor(grid), align_corners=False
    )
    check(Tensor(images).grid_sample(Tensor(grid)), expected)
