"""Attention in all its forms is one kernel forward and two backward, and stores no scores."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy
import pytest
import torch

from tests.schedule.test_fusion import make, plan_of
from tilegrad import Tensor

LENGTH = 256
HEADS = 4
Scores = Callable[[Tensor], Tensor]


def distance() -> Tensor:
    """Return how far each key is before each query, (queries, keys)."""
    place = Tensor.arange(LENGTH)
    return place.reshape(-1, 1) - place.reshape(1, -1)


def hide(scores: Tensor, is_seen: Tensor) -> Tensor:
    return is_seen.where(scores, -math.inf)


def slopes() -> Tensor:
    return (2.0 ** -(1.0 + Tensor.arange(HEADS))).reshape(HEADS, 1, 1)


FORMS: dict[str, Scores] = {
    "full": lambda scores: scores,
    "causal": lambda scores: hide(scores, distance() >= 0),
    "sliding window": lambda scores: hide(scores, (distance() >= 0) & (distance() < 64)),
    "biased": lambda scores: scores + make(HEADS, LENGTH, LENGTH, seed=9),
    "alibi": lambda scores: hide(scores - slopes() * distance(), distance() >= 0),
    "soft-capped": lambda scores: (scores / 5.0).tanh() * 5.0,
    "variable length": lambda scores: hide(
        scores, Tensor.arange(LENGTH).reshape(1, 1, -1) < Tensor([200, 7]).reshape(2, 1, 1, 1)
    ),
    "scaled twice": lambda scores: scores * 2.0,
}


def attend(form: Scores, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = form(query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1])))
    return scores.softmax(-1) @ value


def attend_in_torch(
    form: Scores, tensors: tuple[Tensor, ...], upstream: Tensor
) -> tuple[torch.Tensor, ...]:
    """Return output and gradients, with what a form does to scores taken apart into a mask."""
    q, k, v = (torch.tensor(one.numpy(), dtype=torch.float64).requires_grad_() for one in tensors)
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if form is FORMS["soft-capped"]:
        scores = (scores / 5).tanh() * 5
    else:
        zero = form(Tensor.zeros(2, HEADS, LENGTH, LENGTH)).numpy()
        one = form(Tensor.ones(2, HEADS, LENGTH, LENGTH)).numpy()
        factor = numpy.where(numpy.isinf(zero), 1.0, one - numpy.where(numpy.isinf(zero), 0, zero))
        scores = scores * torch.tensor(factor, dtype=torch.float64) + torch.tensor(zero)
    output = scores.softmax(-1) @ v
    wanted = torch.autograd.grad((output * torch.tensor(upstream.numpy())).sum(), (q, k, v))
    return (output.detach(), *wanted)


@pytest.mark.parametrize("name", FORMS)
def test_attention_is_one_kernel_forward_and_two_backward(name):
    form = FORMS[name]
    shape = (2, HEADS, LENGTH, 24)
    tensors = tuple(make(*shape, seed=number).realize() for number in range(3))
    upstream = make(*shape, seed=4).realize()
    output = attend(form, *tensors)
    assert plan_of([output]).kernels == 1
    gradients = (output * upstream).sum().gradient(*tensors)
    together = plan_of([output, *gradients])
    assert together.kernels == 3  # of few matrices it is 4: queries apart from keys and values
    assert together.arena.nbytes < 4 * LENGTH * LENGTH
    Tensor.realize(output, *gradients)
    wanted = attend_in_torch(form, tensors, upstream)
    for found, expected in zip((output, *gradients), wanted, strict=True):
        numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=2e-5)


def test_gradients_of_a_plain_sum_take_linear_memory_too():
    """The upstream gradient is 1 everywhere then: what is constant along queries is summed once."""
    shape = (2, HEADS, LENGTH, 24)
    tensors = tuple(make(*shape, seed=number).realize() for number in range(3))
    gradients = attend(FORMS["full"], *tensors).sum().gradient(*tensors)
    assert plan_of(gradients).arena.nbytes < 4 * LENGTH * LENGTH
    _, *wanted = attend_in_torch(FORMS["full"], tensors, Tensor.ones(*shape))
    for found, expected in zip(gradients, wanted, strict=True):
        numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("heads", "length"), [(3, 256), (8, 300), (9, 129)])
def test_gradients_of_few_and_of_many_matrices(heads, length):
    """Of many, an instance walks a whole matrix; of few, blocks of its rows are shared."""
    tensors = tuple(make(heads, length, 33, seed=number).realize() for number in range(3))
    upstream = make(heads, length, 33, seed=4).realize()
    output = attend(FORMS["full"], *tensors)
    gradients = (output * upstream).sum().gradient(*tensors)
    assert plan_of([output, *gradients]).kernels == (4 if heads < 8 else 3)
    assert plan_of(gradients).kernels == (4 if heads < 8 else 3)
    Tensor.realize(output, *gradients)
    inputs = [torch.tensor(one.numpy(), dtype=torch.float64).requires_grad_() for one in tensors]
    expected = torch.nn.functional.scaled_dot_product_attention(*inputs)
    expected.backward(torch.tensor(upstream.numpy(), dtype=torch.float64))
    wanted = [expected.detach(), *(one.grad for one in inputs)]
    for found, one in zip((output, *gradients), wanted, strict=True):
        numpy.testing.assert_allclose(found.numpy(), one.numpy(), rtol=1e-4, atol=2e-5)


def test_what_is_not_a_number_stays_in_its_row():
    """What a mask takes out is not computed everywhere, and nothing stale comes in for it."""
    q, k, v, upstream = (make(8, LENGTH, 16, seed=number).numpy() for number in range(4))
    keys, gradient = k.copy(), upstream.copy()
    keys[:, 230], gradient[:, 150] = math.nan, math.nan
    query, value = Tensor(q).realize(), Tensor(v).realize()
    output = attend(FORMS["causal"], query, Tensor(keys).realize(), value)
    assert (numpy.isnan(output.numpy()).any((0, 2)) == (numpy.arange(LENGTH) >= 230)).all()
    output = attend(FORMS["causal"], query, Tensor(k).realize(), value)
    (found,) = (output * Tensor(gradient).realize()).sum().gradient(query)
    assert (numpy.isnan(found.numpy()).any((0, 2)) == (numpy.arange(LENGTH) == 150)).all()


def test_heads_that_share_keys_are_one_kernel_too():
    q = make(1, 8, LENGTH, 16).realize()
    k, v = (make(1, 2, LENGTH, 16, seed=number).realize() for number in (1, 2))
    output = q.scaled_dot_product_attention(k, v, enable_gqa=True)
    assert plan_of([output]).kernels == 1
    wanted = torch.nn.functional.scaled_dot_product_attention(
        *(torch.tensor(one.numpy()) for one in (q, k, v)), enable_gqa=True
    )
    numpy.testing.assert_allclose(output.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("queries", "keys"), [(200, 331), (17, 3000), (1000, 40), (129, 257)])
def test_any_lengths(queries, keys):
    q = make(3, queries, 20).realize()
    k, v = make(3, keys, 20, seed=1).realize(), make(3, keys, 33, seed=2).realize()
    output = q.scaled_dot_product_attention(k, v)
    wanted = torch.nn.functional.scaled_dot_product_attention(
        *(torch.tensor(one.numpy()) for one in (q, k, v))
    )
    numpy.testing.assert_allclose(output.numpy(), wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_a_row_that_sees_nothing_is_nan_and_infinities_are_as_in_the_formula():
    q, k, v = (make(1, LENGTH, 16, seed=number).realize() for number in range(3))
    mask = numpy.ones((LENGTH, LENGTH), bool)
    mask[3] = False
    mask[5, 130:] = False
    mask[6, :200] = False
    output = q.scaled_dot_product_attention(k, v, Tensor(mask)).numpy()
    wanted = torch.nn.functional.scaled_dot_product_attention(
        *(torch.tensor(one.numpy()) for one in (q, k, v)), torch.tensor(mask)
    ).numpy()
    assert numpy.isnan(output[0, 3]).all()
    rest = numpy.arange(LENGTH) != 3
    numpy.testing.assert_allclose(output[:, rest], wanted[:, rest], rtol=1e-4, atol=1e-5)


def attend_with(**changes) -> list[Tensor]:
    """Return attention and whatever else is asked for, over small or wide tensors."""
    length, width = changes.get("length", LENGTH), changes.get("width", 16)
    q, k = make(HEADS, length, 16).realize(), make(HEADS, length, 16, seed=1).realize()
    v = make(HEADS, length, width, seed=2).realize()
    scores = q @ k.transpose(-2, -1)
    weights = scores.softmax(changes.get("axis", -1))
    wanted = [weights @ v]
    wanted += [weights] if changes.get("keeps_weights") else []
    wanted += [scores] if changes.get("keeps_scores") else []
    wanted += [weights.sort(-1)[0]] if changes.get("sorts") else []
    return wanted


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"keeps_weights": True}, id="the weights are wanted"),
        pytest.param({"keeps_scores": True}, id="the scores are wanted"),
        pytest.param({"sorts": True}, id="something reads whole rows"),
        pytest.param({"width": 512}, id="the results of a row do not fit"),
        pytest.param({"length": 48}, id="the scores are small"),
    ],
)
def test_what_must_be_stored_is_stored(changes):
    wanted = attend_with(**changes)
    plan = plan_of(wanted)
    assert plan.kernels > 1
    length = changes.get("length", LENGTH)
    assert (
        plan.arena.nbytes + sum(made.size * made.dtype.itemsize for made in plan.made)
        >= HEADS * length * length * 4
    )
    assert torch.isfinite(torch.tensor(wanted[0].numpy())).all()


def test_a_softmax_along_the_other_axis_is_no_running_sum():
    """Its maxima are those of columns, so that a walk along a row needs all of them before."""
    (output,) = attend_with(axis=-2)
    assert plan_of([output]).kernels == 2
    q, k, v = (torch.tensor(make(HEADS, LENGTH, 16, seed=number).numpy()) for number in range(3))
    wanted = (q @ k.transpose(-2, -1)).softmax(-2) @ v
    numpy.testing.assert_allclose(output.numpy(), wanted.numpy(), rtol=1e-4, atol=2e-5)


def test_cross_entropy_over_a_vocabulary_stores_no_logits():
    tokens, width, vocabulary = 256, 32, 3000
    states = make(tokens, width).realize()
    weight = make(vocabulary, width, seed=1).realize()
    labels = Tensor(numpy.random.default_rng(2).integers(0, vocabulary, tokens))
    loss = (states @ weight.T).cross_entropy(labels)
    gradients = loss.gradient(states, weight)
    plan = plan_of([loss, *gradients])
    assert plan.arena.nbytes < tokens * vocabulary
    x, w = (torch.tensor(one.numpy(), requires_grad=True) for one in (states, weight))
    wanted = torch.nn.functional.cross_entropy(x @ w.T, torch.tensor(labels.numpy()))
    wanted.backward()
    Tensor.realize(loss, *gradients)
    assert abs(loss.item() - wanted.item()) < 1e-5 * wanted.item()
    for found, expected in zip(gradients, (x.grad, w.grad), strict=True):
        numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-6)


def test_the_hidden_layer_of_a_perceptron_is_stored():
    """The gradient of GELU has an exponential, but no softmax: computing it again is dearer."""
    states, inner, outer = make(512, 64), make(64, 512, seed=1), make(512, 64, seed=2)
    result = (states @ inner).gelu() @ outer
    gradients = (result * result).sum().gradient(states, inner, outer)
    plan = plan_of([result, *gradients])
    assert plan.arena.nbytes >= 512 * 512 * 4
