"""Columns of windows and shuffles of pixels against torch's."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ShapeError

functional = torch.nn.functional
WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": (2, 1)},
    {"kernel_size": 3, "padding": (1, 2), "dilation": 2},
    {"kernel_size": (1, 3), "padding": 1, "stride": 2},
]


@pytest.mark.parametrize("options", WINDOWS)
def test_im2col_and_col2im_are_unfold_and_fold(options):
    array = random_array((2, 3, 7, 8))
    columns = functional.unfold(to_torch(array), **options)
    check(Tensor(array).im2col(**options), columns)
    back = functional.fold(columns, (7, 8), **options)
    check(Tensor(columns.numpy()).col2im((7, 8), **options), back, tolerance=1e-5)


def test_each_is_the_others_gradient():
    array = random_array((1, 2, 5, 5))
    x, reference = Tensor(array, requires_grad=True), to_torch(array).requires_grad_()
    (x.im2col(3, stride=2) ** 2).sum().backward()
    (functional.unfold(reference, 3, stride=2) ** 2).sum().backward()
    check(x.grad, reference.grad, tolerance=1e-5)
    columns = random_array((1, 18, 9))
    y, reference = Tensor(columns, requires_grad=True), to_torch(columns).requires_grad_()
    (y.col2im(5, 3) ** 2).sum().backward()
    (functional.fold(reference, (5, 5), 3) ** 2).sum().backward()
    check(y.grad, reference.grad, tolerance=1e-5)


def test_pixels_are_shuffled_as_in_torch():
    array = random_array((2, 8, 3, 5))
    check(Tensor(array).pixel_shuffle(2), functional.pixel_shuffle(to_torch(array), 2))
    check(Tensor(array[0]).pixel_shuffle(2), functional.pixel_shuffle(to_torch(array[0]), 2))
    wide = random_array((2, 2, 6, 9))
    check(Tensor(wide).pixel_unshuffle(3), functional.pixel_unshuffle(to_torch(wide), 3))
    shuffled = functional.channel_shuffle(to_torch(array), 4)
    check(Tensor(array).channel_shuffle(4), shuffled)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="columns"):
        Tensor(numpy.ones((1, 9, 5), numpy.float32)).col2im(5, 3)
    with pytest.raises(ShapeError, match="channels"):
        Tensor(numpy.ones((1, 3, 4, 4), numpy.float32)).pixel_shuffle(2)
    with pytest.raises(ShapeError, match="divided"):
        Tensor(numpy.ones((1, 3, 4, 4), numpy.float32)).pixel_unshuffle(3)
