"""The layers that apply a method of tensors, against torch's of the same names and arguments."""

import numpy
import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn
from tilegrad.base.errors import ArgumentError
from tilegrad.tensor import Tensor

RANDOM = numpy.random.default_rng(0)
IMAGES = normal(2, 4, 6, 8)
ACTIVATIONS = {
    "ReLU6": (), "Mish": (), "LogSigmoid": (), "Hardsigmoid": (), "Tanhshrink": (),
    "Hardtanh": (-0.5, 0.7), "Softsign": (), "CELU": (0.7,), "SELU": (), "GLU": (1,),
    "Softshrink": (0.3,), "Hardshrink": (0.4,), "Threshold": (0.1, 5.0), "Softmin": (1,),
    "PReLU": (4,), "RReLU": (),
}  # fmt: skip
POOLS = [
    ("MaxPool1d", (3, 2, 1)), ("AvgPool1d", (2,)), ("MaxPool3d", (2,)), ("AvgPool3d", (2, 1)),
    ("AdaptiveAvgPool1d", (3,)), ("AdaptiveMaxPool1d", (4,)), ("AdaptiveAvgPool2d", ((3, 5),)),
    ("AdaptiveMaxPool2d", ((None, 2),)), ("AdaptiveAvgPool3d", ((4, 2, 3),)),
    ("AdaptiveMaxPool3d", (2,)), ("LocalResponseNorm", (3, 0.1, 0.5, 2.0)),
    ("LPPool1d", (2, 3)), ("LPPool2d", (2.0, 2)),
]  # fmt: skip
REARRANGEMENTS = [
    ("Unflatten", (1, (2, 2))), ("Unfold", (2,)), ("Unfold", ((3, 2), 1, 1, 2)),
    ("PixelShuffle", (2,)), ("PixelUnshuffle", (2,)), ("ChannelShuffle", (2,)),
    ("Upsample", ((9, 5),)), ("Upsample", (None, 2.0, "bilinear")),
    ("Upsample", (4, None, "nearest")),
]  # fmt: skip
PADS = ["Zero", "Reflection", "Replication", "Circular"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    arguments = ACTIVATIONS[name]
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    compare(ours, theirs.eval(), IMAGES)


@pytest.mark.parametrize(("name", "arguments"), [*POOLS, *REARRANGEMENTS])
def test_pooling_and_rearrangement(name, arguments):
    x = IMAGES[0] if name.endswith("1d") else IMAGES
    compare(getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments), x)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", PADS)
def test_padding(kind, axes):
    name, x = f"{kind}Pad{axes}d", normal(*(2, 3, 4, 5, 6)[: axes + 2])
    for padding in (1, (2, 1, 0, 3, 1, 1)[: 2 * axes]):
        compare(getattr(nn, name)(padding), getattr(torch.nn, name)(padding), x)
    compare(
        getattr(nn, f"ConstantPad{axes}d")(2, 1.5),
        getattr(torch.nn, f"ConstantPad{axes}d")(2, 1.5),
        x,
    )


def test_columns_are_folded_back():
    compare(nn.Fold((5, 6), 2, 1, 0, 1), torch.nn.Fold((5, 6), 2), normal(2, 12, 20))


def test_maxima_are_put_back():
    pool, back = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    values, places = pool(Tensor(IMAGES))
    expected = torch.nn.MaxUnpool2d(2)(
        *torch.nn.MaxPool2d(2, return_indices=True)(torch.tensor(IMAGES))
    )
    numpy.testing.assert_array_equal(back(values, places).numpy(), expected.numpy())


SCORES, OTHER = normal(6, 5), normal(6, 5) * 2
SIGNS = numpy.where(RANDOM.random(6) < 0.5, -1.0, 1.0).astype(numpy.float32)
LABELS = RANDOM.integers(0, 5, 6)
CHANCES = RANDOM.random((6, 5)).astype(numpy.float32)
WEIGHT = RANDOM.random(5).astype(numpy.float32)
LOSSES = [
    ("L1Loss", {}, (SCORES, OTHER)),
    ("MSELoss", {}, (SCORES, OTHER)),
    ("SmoothL1Loss", {"beta": 0.5}, (SCORES, OTHER)),
    ("HuberLoss", {"delta": 0.5}, (SCORES, OTHER)),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, (SCORES, LABELS)),
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 2}, (SCORES, LABELS)),
    ("NLLLoss", {"weight": WEIGHT}, (SCORES, LABELS)),
    ("BCELoss", {}, (CHANCES, CHANCES[::-1].copy())),
    ("BCEWithLogitsLoss", {"pos_weight": WEIGHT}, (SCORES, CHANCES)),
    ("KLDivLoss", {}, (SCORES, CHANCES)),
    ("PoissonNLLLoss", {"full": True}, (SCORES, CHANCES * 4)),
    ("GaussianNLLLoss", {}, (SCORES, OTHER, CHANCES)),
    ("SoftMarginLoss", {}, (SCORES[:, 0], SIGNS)),
    ("HingeEmbeddingLoss", {"margin": 0.5}, (SCORES[:, 0], SIGNS)),
    ("MarginRankingLoss", {"margin": 0.1}, (SCORES[:, 0], OTHER[:, 0], SIGNS)),
    ("CosineEmbeddingLoss", {"margin": 0.1}, (SCORES, OTHER, SIGNS)),
    ("TripletMarginLoss", {}, (SCORES, OTHER, CHANCES)),
    ("TripletMarginWithDistanceLoss", {"swap": True}, (SCORES, OTHER, CHANCES)),
    ("MultiMarginLoss", {"p": 2, "weight": WEIGHT}, (SCORES, LABELS)),
    ("MultiLabelMarginLoss", {}, (SCORES, numpy.sort(LABELS)[:, None] + [[0, -1, 0, 0, 0]])),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, (SCORES, (CHANCES > 0.5) * 1.0)),
]


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")  # torch's, of the divergence
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options", "tensors"), LOSSES)
def test_losses(name, options, tensors, reduction):
    def build(library, convert):
        given = {
            key: convert(value) if isinstance(value, numpy.ndarray) else value
            for key, value in options.items()
        }
        layer = getattr(library, name)(reduction=reduction, **given)
        return layer(*map(convert, tensors))

    tensors = [one.astype(numpy.float32) if one.dtype.kind == "f" else one for one in tensors]
    found, expected = build(nn, Tensor), build(torch.nn, torch.tensor)
    numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_sequences_without_alignment():
    logits = normal(7, 2, 4)
    targets, steps, sizes = [[1, 2], [3, 3]], [7, 6], [2, 2]
    found = nn.CTCLoss()(
        Tensor(logits).log_softmax(-1), Tensor(targets), Tensor(steps), Tensor(sizes)
    )
    expected = torch.nn.CTCLoss()(
        torch.tensor(logits).log_softmax(-1), *map(torch.tensor, (targets, steps, sizes))
    )
    numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5)


def test_a_weight_of_a_loss_is_no_parameter():
    model = nn.ModuleList([nn.Linear(2, 3), nn.CrossEntropyLoss(weight=Tensor([1.0, 2.0, 3.0]))])
    assert len(model.parameters()) == 2


def test_distances_between_rows():
    x, y = normal(5, 4), normal(5, 4)
    compare(nn.PairwiseDistance(3.0), torch.nn.PairwiseDistance(3.0), x, y)
    compare(nn.CosineSimilarity(1), torch.nn.CosineSimilarity(1), x, y)


@pytest.mark.parametrize("name", ["Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"])
def test_whole_channels_are_dropped(name):
    layer, x = getattr(nn, name)(0.25), Tensor(numpy.ones((40, 50, 3), numpy.float32))
    numpy.testing.assert_array_equal(layer(x).numpy(), x.numpy())
    with Tensor.train():
        found = layer(x).numpy()
    assert (found == found[:, :, :1]).all()
    is_kept = found[:, :, 0] == found.max()
    assert abs(is_kept.mean() - 0.75) < 0.05


def test_alpha_dropout_keeps_mean_and_variance():
    x = Tensor(normal(200, 200))
    with Tensor.train():
        found = nn.AlphaDropout(0.3)(x).numpy()
    assert abs(found.mean()) < 0.03
    assert abs(found.std() - 1) < 0.03
    assert nn.AlphaDropout(1.0)(x) is x


def test_parameters_are_named_and_moved():
    shared = nn.Linear(2, 2, bias=False)
    model = nn.Sequential(shared, nn.BatchNorm(2), shared)
    theirs = torch.nn.Linear(2, 2, bias=False)
    reference = torch.nn.Sequential(theirs, torch.nn.BatchNorm1d(2), theirs)
    names = [name for name, _ in model.named_parameters()]
    assert names == [name for name, _ in reference.named_parameters()]
    for _, parameter in model.named_parameters():
        parameter.requires_grad = True
    model(Tensor(normal(3, 2))).sum().backward()
    assert shared.weight.grad is not None
    model.zero_grad()
    assert shared.weight.grad is None
    assert model.to("reference") is model
    assert {tensor.device for tensor in model.state_dict().values()} == {"reference"}


def test_lists_and_dictionaries_name_their_parts():
    parts = nn.ModuleDict({"first": nn.Linear(2, 3), "rest": nn.ModuleList([nn.Linear(3, 1)])})
    assert list(parts.state_dict()) == [
        "first.weight",
        "first.bias",
        "rest.0.weight",
        "rest.0.bias",
    ]
    tensors = nn.ParameterDict({"a": Tensor([1.0])})
    several = nn.ParameterList([Tensor([1.0]), tensors["a"]])
    assert list(tensors.state_dict()) == ["a"]
    assert list(several.state_dict()) == ["0", "1"]


def test_a_size_or_a_factor_is_needed():
    with pytest.raises(ArgumentError, match="size or a factor"):
        nn.Upsample()
