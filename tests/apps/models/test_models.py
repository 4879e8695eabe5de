"""Models: parameter counts as published, torch's weights, and that they learn."""

import numpy
import pytest
import torch

from tilegrad import nn
from tilegrad.apps.models import (
    GPT,
    GPT2_SMALL,
    ConvNet,
    GPTConfig,
    resnet18,
    resnet34,
    resnet50,
)
from tilegrad.apps.models.resnet import BasicBlock, Bottleneck, ResNet
from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.tensor import Tensor

RANDOM = numpy.random.default_rng(9)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("make", "expected"),
    # torchvision's documentation of the models.
    [(resnet18, 11_689_512), (resnet34, 21_797_672), (resnet50, 25_557_032)],
)
def test_residual_networks_have_the_published_size(make, expected):
    assert count(make()) == expected


def test_residual_networks_have_torchvision_s_names():
    names = list(resnet50(10).state_dict())
    assert names[:6] == [
        "conv1.weight",
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.num_batches_tracked",
    ]
    assert {
        "layer1.0.downsample.0.weight",
        "layer1.0.downsample.1.running_var",
        "layer3.5.bn3.bias",
        "layer4.2.conv3.weight",
        "fc.bias",
    } <= set(names)
    assert len(names) == 320


def test_gpt_2_has_the_published_size():
    assert count(GPT(GPT2_SMALL)) == 124_439_808
    # "10.65M" without the positions, as nanoGPT counts its model of Shakespeare's characters.
    small = GPT()
    assert round((count(small) - small.positions.weight.numel()) / 1e6, 2) == 10.65


class TorchBlock(torch.nn.Module):
    """A residual block with torch's layers and the same names."""

    def __init__(self, layers, downsample):
        super().__init__()
        self.count = len(layers)
        for place, (convolution, norm) in enumerate(layers, 1):
            setattr(self, f"conv{place}", convolution)
            setattr(self, f"bn{place}", norm)
        self.downsample = downsample

    def forward(self, x):
        out = x
        for place in range(1, self.count + 1):
            out = getattr(self, f"bn{place}")(getattr(self, f"conv{place}")(out))
            out = out.relu() if place < self.count else out
        return (out + (self.downsample(x) if self.downsample else x)).relu()


def torch_layer(inputs, outputs, size, stride=1):
    convolution = torch.nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return convolution, torch.nn.BatchNorm2d(outputs)


@pytest.mark.parametrize("kind", [BasicBlock, Bottleneck])
@pytest.mark.parametrize(("inputs", "stride"), [(8, 2), (8, 1), (16, 1)])
def test_a_block_computes_what_torch_s_layers_do(kind, inputs, stride):
    width = 16 // kind.expansion
    if kind is BasicBlock:
        layers = [torch_layer(inputs, 16, 3, stride), torch_layer(16, 16, 3)]
    else:
        layers = [torch_layer(inputs, 4, 1), torch_layer(4, 4, 3, stride), torch_layer(4, 16, 1)]
    is_same = stride == 1 and inputs == 16
    shortcut = None if is_same else torch.nn.Sequential(*torch_layer(inputs, 16, 1, stride))
    theirs, ours = TorchBlock(layers, shortcut), kind(inputs, width, stride)
    ours.load_state_dict({name: Tensor(v.numpy()) for name, v in theirs.state_dict().items()})
    x = RANDOM.standard_normal((2, inputs, 6, 6)).astype(numpy.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    with Tensor.train():
        numpy.testing.assert_allclose(ours(Tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-4)


def test_a_residual_network_reduces_the_image_32_times():
    model = ResNet(BasicBlock, (1, 1, 1, 1), classes=7)
    assert model(Tensor.zeros(2, 3, 64, 64)).shape == (2, 7)


def test_gpt_looks_only_back():
    config = GPTConfig(11, context=8, layers=2, heads=2, width=16)
    model = GPT(config)
    tokens = RANDOM.integers(0, 11, (2, 8))
    first = model(Tensor(tokens)).numpy()
    tokens[:, 5:] = (tokens[:, 5:] + 1) % 11
    second = model(Tensor(tokens)).numpy()
    numpy.testing.assert_allclose(first[:, :5], second[:, :5], rtol=1e-5, atol=1e-6)
    assert (first[:, 5:] != second[:, 5:]).any()
    with pytest.raises(ShapeError, match="context"):
        model(Tensor(numpy.zeros((1, 9), int)))


def test_gpt_starts_as_good_as_guessing_and_learns_a_sequence():
    Tensor.manual_seed(3)
    model = GPT(GPTConfig(5, context=10, layers=1, heads=2, width=16, dropout=0.0))
    tokens = Tensor(numpy.arange(11)[None] % 5)
    optimiser = nn.optim.AdamW(model.parameters(), lr=0.02)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = model(tokens[:, :-1]).flatten(0, 1).cross_entropy(tokens[:, 1:].flatten())
        loss.backward()
        optimiser.step(loss)
        losses.append(loss.item())
    assert abs(losses[0] - numpy.log(5)) < 0.1
    assert losses[-1] < 0.05


def test_the_convnet_learns_two_patterns():
    Tensor.manual_seed(1)
    model = ConvNet(2, widths=(4, 8), dropout=0.0)
    labels = numpy.arange(16) % 2
    images = RANDOM.standard_normal((16, 1, 8, 8)).astype(numpy.float32) * 0.3
    images[labels == 1, :, ::2] += 1
    optimiser = nn.optim.Adam(model.parameters(), lr=0.01)
    with Tensor.train():
        for _ in range(12):
            optimiser.zero_grad()
            loss = model(Tensor(images)).cross_entropy(Tensor(labels))
            loss.backward()
            optimiser.step(loss)
    assert loss.item() < 0.1
    with pytest.raises(ArgumentError, match="stage"):
        ConvNet(widths=())
