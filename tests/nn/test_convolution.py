"""Convolutions and their transposes against torch's."""

import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn
from tilegrad.base.errors import ArgumentError

CASES = [
    (1, (4, 6, 3), {}),
    (1, (4, 6, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
    (1, (4, 4, 3), {"padding": "same", "dilation": 2, "bias": False}),
    (2, (3, 4, 3), {"padding": 1}),
    (2, (4, 4, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "groups": 4}),
    (2, (2, 3, 4), {"padding": "same"}),
    (2, (2, 3, 3), {"padding": 2, "padding_mode": "reflect"}),
    (2, (2, 3, 3), {"padding": (1, 2), "padding_mode": "circular"}),
    (2, (2, 3, 3), {"padding": (1, 2), "padding_mode": "replicate", "stride": 2}),
    (3, (2, 3, 2), {"stride": (1, 2, 1), "padding": (0, 1, 1)}),
]
TRANSPOSED = [
    (1, (4, 6, 3), {}),
    (1, (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}),
    (2, (3, 4, 3), {"stride": 2, "padding": 1, "output_padding": (1, 0), "dilation": 2}),
    (2, (4, 4, (2, 3)), {"groups": 4, "bias": False}),
    (3, (2, 3, 2), {"stride": (1, 2, 1)}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize(("axes", "sizes", "options"), CASES)
def test_convolution(axes, sizes, options):
    name = f"Conv{axes}d"
    x = normal(2, sizes[0], *(7, 6, 5)[:axes])
    compare(getattr(nn, name)(*sizes, **options), getattr(torch.nn, name)(*sizes, **options), x)


@pytest.mark.parametrize(("axes", "sizes", "options"), TRANSPOSED)
def test_transposed_convolution(axes, sizes, options):
    name = f"ConvTranspose{axes}d"
    x = normal(2, sizes[0], *(5, 4, 3)[:axes])
    compare(getattr(nn, name)(*sizes, **options), getattr(torch.nn, name)(*sizes, **options), x)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="groups"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ArgumentError, match="stride"):
        nn.Conv2d(3, 4, 3, stride=2, padding="same")
    with pytest.raises(ArgumentError, match="padding mode"):
        nn.Conv2d(3, 4, 3, padding_mode="mirror")
    with pytest.raises(ArgumentError, match="kernel_size"):
        nn.Conv2d(3, 4, (3, 3, 3))
