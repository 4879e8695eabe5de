import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ArgumentError, DTypeError, ShapeError

functional = torch.nn.functional
REDUCTIONS = ("mean", "sum", "none")


def probabilities(shape, seed=0):
    return numpy.random.default_rng(seed).random(shape, numpy.float32)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.7}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("huber_loss", {"delta": 0.7}),
        ("poisson_nll_loss", {}),
        ("kl_div", {"log_target": True}),
    ],
)
def test_differences_are_those_of_torch(name, options, reduction):
    x, y = random_array((4, 5)), random_array((4, 5), seed=1)
    function = getattr(functional, name)
    source = to_torch(x).requires_grad_()
    expected = function(source, to_torch(y), reduction=reduction, **options)
    tensor = Tensor(x, requires_grad=True)
    found = getattr(tensor, name)(Tensor(y), reduction=reduction, **options)
    check(found, expected, tolerance=1e-5)
    expected.sum().backward()
    found.sum().backward()
    check(tensor.grad, source.grad, tolerance=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_crossentropies_are_those_of_torch(reduction):
    x, y, w = random_array((4, 5)) * 5, probabilities((4, 5)), probabilities((5,), 1)
    p = numpy.concatenate([probabilities((3, 5), 2), [[0.0, 1.0, 0.0, 1.0, 0.5]]]).astype("f4")
    y[3, :2] = [1.0, 0.0]
    expected = functional.binary_cross_entropy(
        to_torch(p), to_torch(y), to_torch(w), reduction=reduction
    )
    found = Tensor(p).binary_crossentropy(Tensor(y), reduction, weight=Tensor(w))
    check(found, expected, tolerance=1e-5)
    expected = functional.binary_cross_entropy_with_logits(
        to_torch(x), to_torch(y), reduction=reduction, pos_weight=to_torch(w)
    )
    found = Tensor(x).binary_crossentropy_logits(Tensor(y), reduction, Tensor(w))
    check(found, expected, tolerance=1e-5)
    expected = functional.binary_cross_entropy_with_logits(
        to_torch(x), to_torch(y), reduction=reduction
    )
    check(Tensor(x).binary_crossentropy_logits(Tensor(y), reduction), expected, tolerance=1e-5)


def test_binary_crossentropy_has_finite_gradients():
    for method in (Tensor.binary_crossentropy, Tensor.binary_crossentropy_logits):
        tensor = Tensor([0.0, 1.0, 0.5], requires_grad=True)
        method(tensor, Tensor([0.0, 1.0, 1.0])).backward()
        assert numpy.isfinite(tensor.grad.numpy()).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(7,), (4, 7), (2, 7, 3), (2, 7, 3, 2)])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_cross_entropy_of_classes_is_that_of_torch(shape, reduction, smoothing, is_weighted):
    x = random_array(shape)
    places = shape[:1] * 0 if len(shape) == 1 else (shape[0], *shape[2:])
    y = numpy.random.default_rng(0).integers(0, 7, places)
    if y.size > 1:
        y.flat[1] = -100
    w = probabilities((7,)) if is_weighted else None
    source = to_torch(x).requires_grad_()
    expected = functional.cross_entropy(
        source,
        torch.tensor(y),
        None if w is None else to_torch(w),
        reduction=reduction,
        label_smoothing=smoothing,
    )
    tensor = Tensor(x, requires_grad=True)
    weight = None if w is None else Tensor(w)
    found = tensor.cross_entropy(Tensor(y), reduction, smoothing, weight)
    check(found, expected, tolerance=1e-5)
    expected.sum().backward()
    found.sum().backward()
    check(tensor.grad, source.grad, tolerance=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_of_probabilities_is_that_of_torch(reduction):
    x, y, w = random_array((4, 7, 3)), probabilities((4, 7, 3)), probabilities((7,), 1)
    expected = functional.cross_entropy(
        to_torch(x), to_torch(y), to_torch(w), reduction=reduction, label_smoothing=0.2
    )
    found = Tensor(x).cross_entropy(Tensor(y), reduction, 0.2, Tensor(w))
    check(found, expected, tolerance=1e-5)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_cross_entropy_of_narrow_floats(dtype):
    x, y = (random_array((6, 9)) * 4).astype(dtype.numpy), numpy.arange(6)
    expected = functional.cross_entropy(to_torch(x).double(), torch.tensor(y))
    found = Tensor(x).cross_entropy(Tensor(y))
    assert found.dtype is dtype
    tolerance = 2.0 ** -(dtype.mantissa - 1) if dtype.bits < 32 else 1e-5
    assert found.item() == pytest.approx(expected.item(), rel=tolerance)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_likelihoods_are_those_of_torch(reduction):
    x, y, w = random_array((4, 7, 3)), numpy.arange(12).reshape(4, 3) % 7, probabilities((7,))
    expected = functional.nll_loss(
        to_torch(x), torch.tensor(y), to_torch(w), ignore_index=2, reduction=reduction
    )
    found = Tensor(x).nll_loss(Tensor(y), Tensor(w), 2, reduction)
    check(found, expected, tolerance=1e-5)
    last = numpy.moveaxis(x, 1, 2)
    expected = functional.cross_entropy(to_torch(x), torch.tensor(y), reduction=reduction)
    found = Tensor(last).sparse_categorical_crossentropy(Tensor(y), reduction=reduction)
    check(found, expected, tolerance=1e-5)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
def test_divergence_is_that_of_torch(reduction):
    x, y = random_array((4, 5)), probabilities((4, 5))
    y[0, 0] = 0.0
    expected = functional.kl_div(to_torch(x), to_torch(y), reduction=reduction)
    check(Tensor(x).kl_div(Tensor(y), reduction), expected, tolerance=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margins_are_those_of_torch(reduction):
    x, y = random_array((4, 5)), random_array((4, 5), seed=1)
    z, signs = random_array((4, 5), seed=2), numpy.sign(random_array((4, 5), seed=3))
    tensors = [Tensor(array) for array in (x, y, z, signs)]
    given = [to_torch(array) for array in (x, y, z, signs)]
    options = {"reduction": reduction}
    pairs = [
        (
            tensors[0].soft_margin_loss(tensors[3], **options),
            functional.soft_margin_loss(given[0], given[3], **options),
        ),
        (
            tensors[0].hinge_embedding_loss(tensors[3], 1.3, **options),
            functional.hinge_embedding_loss(given[0], given[3], 1.3, **options),
        ),
        (
            tensors[0].margin_ranking_loss(tensors[1], tensors[3], 0.4, **options),
            functional.margin_ranking_loss(given[0], given[1], given[3], 0.4, **options),
        ),
        (
            tensors[0].triplet_margin_loss(tensors[1], tensors[2], **options),
            functional.triplet_margin_loss(given[0], given[1], given[2], **options),
        ),
        (
            tensors[0].cosine_embedding_loss(tensors[1], Tensor(signs[:, 0]), 0.1, **options),
            functional.cosine_embedding_loss(given[0], given[1], given[3][:, 0], 0.1, **options),
        ),
        (
            tensors[0].gaussian_nll_loss(tensors[1], tensors[2].square(), True, **options),
            functional.gaussian_nll_loss(
                given[0], given[1], given[2].square(), full=True, **options
            ),
        ),
        (
            tensors[0].poisson_nll_loss(tensors[2].abs() * 3, full=True, **options),
            functional.poisson_nll_loss(given[0], given[2].abs() * 3, full=True, **options),
        ),
    ]
    for found, expected in pairs:
        check(found, expected, tolerance=2e-5)


def test_losses_refuse():
    x = Tensor.ones(4, 5)
    with pytest.raises(ShapeError, match="mse_loss"):
        x.mse_loss(Tensor.ones(4, 1))
    with pytest.raises(ShapeError, match="without the axis"):
        x.cross_entropy(Tensor([1, 2, 3]))
    with pytest.raises(DTypeError, match="integers"):
        x.nll_loss(Tensor.ones(4))
    with pytest.raises(ArgumentError, match="reduction"):
        x.mse_loss(x, reduction="average")
    with pytest.raises(ArgumentError, match="smoothing"):
        x.cross_entropy(Tensor([1, 2, 3, 0]), label_smoothing=2.0)
    with pytest.raises(ShapeError, match="each class"):
        x.cross_entropy(Tensor([1, 2, 3, 0]), weight=Tensor.ones(4))
