"""``backward``, ``gradient`` and the functional transforms on tensors."""

import dataclasses
import os

import numpy
import pytest
import torch

import tilegrad
from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    GradientError,
    ShapeError,
)
from tilegrad.base.settings import Settings
from tilegrad.engine import Session, current_session
from tilegrad.ir.node import sort_topologically
from tilegrad.ops.markers import barrier
from tilegrad.tensor import Tensor, jit, no_grad
from tilegrad.tensor.transforms import (
    checkpoint,
    grad,
    hessian,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)


@pytest.fixture(autouse=True)
def reference_session():
    settings = dataclasses.replace(Settings.from_environment(os.environ), device="reference")
    with Session(settings).entered() as session:
        yield session


RANDOM = numpy.random.default_rng(3)


def normal(*shape):
    return RANDOM.standard_normal(shape)


def close(tensor, expected, rtol=1e-9):
    numpy.testing.assert_allclose(tensor.numpy(), numpy.asarray(expected), rtol=rtol, atol=1e-12)


def loss_of(w, b, x):
    return ((x * w + b).exp() * x).sum()


def test_backward_accumulates_into_the_leaves():
    arrays = normal(3, 1), normal(1, 4), normal(3, 4)
    w, b = (Tensor(array, requires_grad=True) for array in arrays[:2])
    x = Tensor(arrays[2])
    tw, tb = (torch.tensor(array, requires_grad=True) for array in arrays[:2])
    for _ in range(2):
        loss_of(w, b, x).backward()
        loss_of(tw, tb, torch.tensor(arrays[2])).backward()
        close(w.grad, tw.grad)
        close(b.grad, tb.grad)
    assert x.grad is None


def test_equal_parameters_have_their_own_gradients():
    first, second = (Tensor.zeros(3, requires_grad=True) for _ in range(2))
    (first * 2 + second * 3).sum().backward()
    close(first.grad, [2, 2, 2])
    close(second.grad, [3, 3, 3])


def test_values_that_were_read_before_backward_keep_their_history():
    array = normal(4)
    x = Tensor(array, requires_grad=True)
    hidden = x.exp().realize()
    loss = (hidden * x).sum()
    assert numpy.isfinite(loss.item())
    loss.backward()
    close(x.grad, numpy.exp(array) * (1 + array))


def test_a_leaf_that_is_realised_late_is_still_the_leaf():
    x = Tensor.full((3,), 2.0, requires_grad=True)
    loss = (x * x).sum()
    x.realize()
    (loss * 2 + x.sum()).backward()
    close(x.grad, [9, 9, 9])


def test_hand_written_descent_keeps_the_leaf_and_no_history():
    x = Tensor([5.0, -3.0], requires_grad=True)
    for _ in range(60):
        x.grad = None
        (x * x).sum().backward()
        x.assign(x - 0.1 * x.grad).realize()
    assert numpy.abs(x.numpy()).max() < 1e-4
    assert current_session().histories.get(x.node, 0) is None


def test_histories_are_kept_only_where_gradients_may_flow():
    x = Tensor(normal(3))
    (x * 2).realize()
    y = (Tensor(normal(3), requires_grad=True).detach() * 2).realize()
    assert y.node not in current_session().histories


def test_assigning_is_functional_underneath():
    array = normal(3)
    x, state = Tensor(array, requires_grad=True), Tensor.zeros(3, dtype="float64").realize()
    before = (state * x).sum()
    state += x * x
    loss = before + (state * x).sum()
    loss.backward()
    state.realize(x.grad)
    close(x.grad, 3 * array**2)
    close(state, array**2)


def test_a_value_needed_later_must_not_be_overwritten():
    x, w = Tensor(normal(3), requires_grad=True), Tensor(normal(3)).realize()
    loss = ((x * w).exp()).sum()
    w.assign(w * 2).realize()
    with pytest.raises(GradientError, match="overwritten"):
        loss.backward()


def test_what_cannot_be_differentiated_is_refused():
    x = Tensor(normal(3), requires_grad=True)
    with pytest.raises(GradientError, match="depends on no tensor"):
        Tensor([1.0]).sum().backward()
    with pytest.raises(GradientError, match="several elements"):
        (x * 2).backward()
    with pytest.raises(GradientError, match="does not depend"):
        (x * 2).sum().gradient(Tensor([2.0]))
    with pytest.raises(DTypeError, match="only floats"):
        Tensor([1, 2], requires_grad=True)


def test_gradient_takes_an_upstream_gradient():
    array, upstream = normal(3), normal(3)
    x = Tensor(array)
    (found,) = x.exp().gradient(x, gradient=Tensor(upstream))
    close(found, numpy.exp(array) * upstream)
    x.requires_grad = True
    x.exp().backward(Tensor(upstream))
    close(x.grad, numpy.exp(array) * upstream)


def test_grad_of_trees():
    arrays = {"w": normal(2, 3), "b": [normal(1, 3), (normal(2, 1),)]}

    def function(tree, x):
        return ((tree["w"] * x + tree["b"][0]).exp() * tree["b"][1][0]).sum()

    def convert(make):
        return {"w": make(arrays["w"]), "b": [make(arrays["b"][0]), (make(arrays["b"][1][0]),)]}

    x = normal(2, 3)
    found = grad(function)(convert(Tensor), Tensor(x))
    expected = torch.func.grad(function)(convert(torch.tensor), torch.tensor(x))
    close(found["w"], expected["w"])
    close(found["b"][0], expected["b"][0])
    close(found["b"][1][0], expected["b"][1][0])
    value, pair = value_and_grad(lambda a, b: (a * b).sum(), (0, -1))(Tensor(x), Tensor(x))
    close(value, (x * x).sum())
    close(pair[0], x)
    close(pair[1], x)


def test_grad_tells_an_argument_from_the_same_tensor_outside():
    x = Tensor([3.0])
    close(grad(lambda y: (x * y).sum())(x), [3.0])
    close(grad(lambda a, b: (a * a * b).sum(), 1)(x, x), [9.0])


def test_grad_with_more_results_and_values_read_inside():
    def function(x):
        square = (x * x).realize()
        if square.sum().item() > 0:
            square = square * 2
        return square.sum(), {"square": square}

    (value, more), gradient = value_and_grad(function, has_aux=True)(Tensor([1.0, 2.0]))
    close(value, 10)
    close(more["square"], [2, 8])
    close(gradient, [4, 8])
    assert len(grad(function, has_aux=True)(Tensor([1.0]))) == 2


def test_gradients_of_gradients():
    array = normal(3)
    third = grad(lambda x: grad(lambda x: grad(lambda x: (x.sin() * x).sum())(x).sum())(x).sum())
    t = torch.tensor(array)
    expected = t
    expected = torch.func.grad(
        lambda x: torch.func.grad(
            lambda x: torch.func.grad(lambda x: (x.sin() * x).sum())(x).sum()
        )(x).sum()
    )(t)
    close(third(Tensor(array)), expected)


def test_vjp_and_jvp_are_transposes():
    def function(x, y):
        return {"product": x * y, "pair": (x.exp(), y.sum())}

    x, y, dx, dy = (normal(3) for _ in range(4))
    value, pull_back = vjp(function, Tensor(x), Tensor(y))
    close(value["product"], x * y)
    upstream = {"product": normal(3), "pair": (normal(3), normal())}
    gradients = pull_back(
        {
            "product": Tensor(upstream["product"]),
            "pair": (Tensor(upstream["pair"][0]), Tensor(numpy.array(upstream["pair"][1]))),
        }
    )
    _, along = jvp(function, (Tensor(x), Tensor(y)), (Tensor(dx), Tensor(dy)))
    close(along["product"], x * dy + dx * y)
    close(along["pair"][0], numpy.exp(x) * dx)
    pulled = sum((g.numpy() * d).sum() for g, d in zip(gradients, (dx, dy), strict=True))
    pushed = (
        (along["product"].numpy() * upstream["product"]).sum()
        + (along["pair"][0].numpy() * upstream["pair"][0]).sum()
        + along["pair"][1].item() * upstream["pair"][1]
    )
    numpy.testing.assert_allclose(pulled, pushed)


def test_jvp_of_what_does_not_depend_is_zero():
    constant = Tensor([1.0, 2.0])
    _, (first, second) = jvp(lambda x: (x * 2, constant), [Tensor([1.0])], [Tensor([3.0])])
    close(first, [6.0])
    close(second, [0.0, 0.0])


def test_jacobian_and_hessian():
    array = normal(3)

    def vector(x):
        return x.sin() * x.sum()

    t = torch.tensor(array)
    close(jacobian(vector)(Tensor(array)), torch.func.jacrev(vector)(t))

    def scalar(x):
        return (x.sin() * x.sum()).exp().sum()

    close(hessian(scalar)(Tensor(array)), torch.autograd.functional.hessian(scalar, t))


def test_checkpoint_gives_identical_gradients_and_computes_again():
    arrays = [normal(4) for _ in range(4)]
    parameters = [Tensor(array, requires_grad=True) for array in arrays[1:]]

    def layer(x, parameter):
        hidden = (x * parameter).tanh()
        return hidden.exp(), {"more": hidden + parameter}

    def run(wrap):
        x = Tensor(arrays[0], requires_grad=True)
        value = x
        for parameter in parameters:
            value, more = wrap(lambda v, p=parameter: layer(v, p))(value)
            value = value * more["more"]
        for parameter in parameters:
            parameter.grad = None
        value.sum().backward()
        return [x.grad, *(parameter.grad for parameter in parameters)]

    plain, marked = run(lambda function: function), run(checkpoint)
    assert any(node.op is barrier for node in sort_topologically([marked[0].node]))
    for one, other in zip(plain, marked, strict=True):
        numpy.testing.assert_array_equal(one.numpy(), other.numpy())


def test_wrong_arguments_of_transforms_are_refused():
    x = Tensor([1.0])
    with pytest.raises(ArgumentError, match="place 1 of 1"):
        grad(lambda x: x, 1)(x)
    with pytest.raises(ArgumentTypeError, match="only tensors"):
        grad(lambda x: x)(2.0)
    with pytest.raises(GradientError, match="one tensor"):
        grad(lambda x: (x, x))(x)
    with pytest.raises(GradientError, match="not floating-point"):
        grad(lambda x: x.sum())(Tensor([1]))
    with pytest.raises(ShapeError, match="directions"):
        jvp(lambda x: x, [x], [Tensor([1.0, 2.0])])
    with pytest.raises(ShapeError, match="2 tensors"):
        vjp(lambda x: x, x)[1]((x, x))


@pytest.mark.parametrize("is_realised", [False, True])
def test_no_gradient_flows_through_what_is_computed_without(is_realised):
    """The target of a bootstrapped loss, a moving average, and a step by hand, as in torch."""

    def run(library, weight, average, ones):
        @library.no_grad()
        def target():
            found = (weight * 3).exp()
            if is_realised and isinstance(found, Tensor):
                found.realize()
            return found

        before = weight * 2
        with library.no_grad():
            average += 0.5 * (weight - average)
            same = before.reshape(-1)
        loss = ((weight * ones - target()) ** 2 + average * weight + before * same).sum()
        loss.backward()
        with library.no_grad():
            weight -= 0.1 * weight.grad
        first, weight.grad = weight.grad, None
        (weight**3).sum().backward()
        return first, weight, weight.grad, average

    arrays = [normal(4), normal(4), numpy.ones(4)]
    ours = run(
        tilegrad,
        *(Tensor(one, requires_grad=place == 0 or None) for place, one in enumerate(arrays)),
    )
    theirs = run(
        torch, *(torch.tensor(one, requires_grad=place == 0) for place, one in enumerate(arrays))
    )
    for found, expected in zip(ours, theirs, strict=True):
        numpy.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-5)


def test_no_grad_ends_with_an_error_and_leaves_what_was_there():
    weight = Tensor([2.0], requires_grad=True)
    held = weight * 3
    made = []

    @no_grad()
    def fail():
        made.append(weight * 5)
        weight.reshape(7)

    with pytest.raises(ShapeError):
        fail()
    with pytest.raises(GradientError):
        made[0].backward()
    count = Tensor([1, 2])
    with no_grad():
        again = count + 1
    assert again.tolist() == [2, 3]
    held.backward()
    assert weight.grad.item() == 3.0


def test_captured_functions_keep_gradients_out():
    with Session().entered():
        weight = Tensor([2.0], requires_grad=True)

        @jit
        def step(x):
            with no_grad():
                target = weight * x
            weight.grad = None
            (weight * target).backward()
            return weight.grad

        assert [step(Tensor([x])).item() for x in (1.0, 2.0, 3.0)] == [2.0, 4.0, 6.0]
