"""Losses of margins, of several labels and of sequences against torch's, with gradients."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ShapeError

functional = torch.nn.functional
RANDOM = numpy.random.default_rng(0)
REDUCTIONS = ("mean", "sum", "none")


def compare(name, scores, *others, **options):
    """Compare a loss and its gradient by the scores for all reductions."""
    for reduction in REDUCTIONS:
        ours = Tensor(scores, requires_grad=True)
        theirs = to_torch(scores).requires_grad_()
        pick = {key: value for key, value in options.items() if key != "tensors"}
        given = {key: Tensor(value) for key, value in options.get("tensors", {}).items()}
        wanted = {key: to_torch(value) for key, value in options.get("tensors", {}).items()}
        found = getattr(ours, name)(*map(Tensor, others), reduction=reduction, **pick, **given)
        function = getattr(functional, name)
        expected = function(theirs, *map(to_torch, others), reduction=reduction, **pick, **wanted)
        check(found, expected, tolerance=3e-6)
        found.sum().backward()
        expected.sum().backward()
        check(ours.grad, theirs.grad, tolerance=3e-6)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weight", [False, True])
def test_multi_margin_loss(p, weight):
    scores, target = random_array((6, 5)), RANDOM.integers(0, 5, 6)
    tensors = {"weight": numpy.abs(random_array((5,)))} if weight else {}
    compare("multi_margin_loss", scores, target, p=p, margin=0.7, tensors=tensors)


def test_multilabel_margin_loss():
    target = numpy.array([[3, 0, -1, 1, 2], [-1, 0, 1, 2, 3], [0, 1, 2, 3, 4], [2, -1, 2, -1, 0]])
    compare("multilabel_margin_loss", random_array((4, 5)), target)
    compare("multilabel_margin_loss", random_array((5,)), target[0])


@pytest.mark.parametrize("weight", [False, True])
def test_multilabel_soft_margin_loss(weight):
    target = RANDOM.integers(0, 2, (6, 5)).astype(numpy.float32)
    tensors = {"weight": numpy.abs(random_array((5,)))} if weight else {}
    compare("multilabel_soft_margin_loss", random_array((6, 5)) * 5, target, tensors=tensors)


@pytest.mark.parametrize("swap", [False, True])
def test_triplets(swap):
    others = [random_array((6, 4), seed=seed) for seed in (1, 2)]
    compare("triplet_margin_with_distance_loss", random_array((6, 4)), *others, swap=swap)


def sequences(time=12, batch=4, classes=5, longest=4):
    logits = RANDOM.standard_normal((time, batch, classes)).astype(numpy.float32)
    targets = RANDOM.integers(1, classes, (batch, longest))
    targets[0] = targets[0, 0]  # repeated labels need blanks between them
    return logits, targets, numpy.array([time, time - 3, time, 7]), numpy.array([4, 2, 3, 0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_ctc_loss(reduction):
    logits, targets, inputs, lengths = sequences()
    ours, theirs = Tensor(logits, requires_grad=True), to_torch(logits).requires_grad_()
    found = ours.log_softmax(-1).ctc_loss(
        Tensor(targets), Tensor(inputs), Tensor(lengths), reduction=reduction
    )
    expected = functional.ctc_loss(
        theirs.log_softmax(-1), *map(to_torch, (targets, inputs, lengths)), reduction=reduction
    )
    check(found, expected, tolerance=1e-5)
    found.sum().backward()
    expected.sum().backward()
    check(ours.grad, theirs.grad, tolerance=1e-5)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_a_target_that_is_too_long_is_impossible(zero_infinity):
    logits, targets, _, _ = sequences()
    short = [numpy.array([3, 12, 12, 12]), numpy.array([4, 4, 4, 4])]
    ours = Tensor(logits, requires_grad=True)
    found = ours.log_softmax(-1).ctc_loss(
        Tensor(targets), *map(Tensor, short), reduction="none", zero_infinity=zero_infinity
    )
    expected = functional.ctc_loss(
        to_torch(logits).log_softmax(-1),
        *map(to_torch, (targets, *short)),
        reduction="none",
        zero_infinity=zero_infinity,
    )
    check(found, expected, tolerance=1e-5)
    if zero_infinity:
        found.sum().backward()
        assert numpy.isfinite(ours.grad.numpy()).all()
        assert (ours.grad.numpy()[:, 0] == 0).all()


def test_shapes_that_do_not_fit_are_refused():
    logits, targets, inputs, lengths = sequences()
    with pytest.raises(ShapeError, match="ctc_loss"):
        Tensor(logits[0]).ctc_loss(Tensor(targets), Tensor(inputs), Tensor(lengths))
    with pytest.raises(ShapeError, match="multi_margin_loss"):
        Tensor(logits[0]).multi_margin_loss(Tensor([1, 2]))
