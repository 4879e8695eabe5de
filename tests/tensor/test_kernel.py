"""Hand-written kernels in lazy graphs: schedule, gradient, capture, explanation, arguments."""

import numpy
import pytest

from tests.language.running import close, on_both
from tilegrad import Tensor, dtypes, grad, jit, kernel, value_and_grad
from tilegrad import language as tl
from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    DeviceError,
    GradientError,
    ShapeError,
)
from tilegrad.engine.explain import explain

X = numpy.random.default_rng(0).standard_normal((5, 7)).astype(numpy.float32)


@kernel
def double(build, x):
    out = build.output(x.shape, x.dtype)
    block = build.grid(x.size, 16)
    out.flat[block] = x.flat[block] * 2
    return out


@kernel
def bounds(build, x, *, scale=1.0, width: int = tl.choice(8, 16), step: int = tl.choice(1, 2)):
    """The least and the greatest element of each row, times a factor."""
    least, most = build.output(x.shape[0], x.dtype), build.output(x.shape[0], x.dtype)
    row = build.grid(x.shape[0])
    value = x[row, :]
    least[row], most[row] = value.min() * scale, value.max() * scale
    return least, most


@on_both
def test_what_stands_around_a_kernel(device):
    x = Tensor(X, device=device)
    y = double(x.exp()).permute(1, 0) + double(double(x)).T
    close(y.numpy(), (2 * numpy.exp(X) + 4 * X).T)


@on_both
def test_several_results_some_of_them_unused(device):
    x = Tensor(X, device=device)
    least, most = bounds(x, scale=3.0)
    close((most - least + most.sum()).numpy(), 3 * (X.max(1) - X.min(1) + X.max(1).sum()))
    close(bounds(x)[1].numpy(), X.max(1))
    close(bounds(x + 1)[0].sum().numpy(), (X.min(1) + 1).sum())


@on_both
def test_one_kernel_fills_many_places(device):
    x, y = Tensor(X, device=device), Tensor(X * 3, device=device)
    first, second = double(x), double(y)
    Tensor.realize(first, second)
    close(first.numpy(), 2 * X)
    close(second.numpy(), 6 * X)


@on_both
def test_results_are_assigned(device):
    x = Tensor(X, device=device).realize()
    x.assign(double(x))
    y = x + 0
    close(x.numpy(), 2 * X)
    close(y.numpy(), 2 * X)


@on_both
def test_views_and_constants_as_arguments(device):
    x = Tensor(X, device=device)
    close(double(x.T[1:, ::2]).numpy(), 2 * X.T[1:, ::2])
    close(double(Tensor.ones(3, 3, device=device)).numpy(), numpy.full((3, 3), 2))
    assert double(x[:0]).numpy().shape == (0, 7)


def test_captured_steps_replay_kernels():
    @jit
    def step(x):
        least, most = bounds(double(x) + 1)
        return most - least, most

    for number in range(4):
        width, most = step(Tensor(X * (number + 1)).realize())
        close(most.numpy(), 2 * (number + 1) * X.max(1) + 1)
        close(width.numpy(), 2 * (number + 1) * (X.max(1) - X.min(1)))
    assert step.captured[0].kernels == 4


def test_explain_shows_hand_written_kernels():
    found = explain(double(Tensor(X).realize() + 1).sum(0))
    assert len(found.kernels) == 3
    assert [one.name for one in found.kernels][1] == "double"
    assert "multiply" in found.kernels[1].kernel
    assert "multiply" in found.kernels[1].program
    assert "double" in found.kernels[1].llvm
    assert any("hand-written" in one.reason for one in found.decisions)


def test_a_call_is_traced_once():
    written = []

    @kernel
    def noted(build, x):
        written.append(x.shape)
        out = build.output(x.shape, x.dtype)
        out[build.grid(x.shape[0])] = 1.0
        return out

    for _ in range(3):
        noted(Tensor(X))
    noted(Tensor(X[:2]))
    assert written == [(5, 7), (2, 7)]


def test_choices():
    assert bounds.configurations()[:2] == [{"width": 8, "step": 1}, {"width": 8, "step": 2}]
    assert len(bounds.configurations()) == 4
    close(bounds(Tensor(X), width=16)[0].numpy(), X.min(1))
    assert bounds.__doc__.startswith("The least")


def test_tuning_changes_nothing_but_the_choices():
    x = Tensor(X)
    written = []

    @kernel
    def noted(build, x, factor, *, width: int = tl.choice(8, 16), step: int = tl.choice(1, 2)):
        written.append((width, step))
        out = build.output(x.size, x.dtype)
        block = build.grid(x.size, width)
        out[block] = x.flat[block] * factor
        return out

    best = noted.tune(x, 2.0, step=2, seconds=0.01)
    assert best in [{"width": 8}, {"width": 16}]
    assert sorted(written) == [(8, 1), (8, 2), (16, 2)]
    close(noted(x, 2.0).numpy(), 2 * X.ravel())
    assert written[3:] in [[], [(16, 1)]]
    close(noted(x, 3.0).numpy(), 3 * X.ravel())
    assert written[-1] == (8, 1)
    with pytest.raises(DeviceError, match="only what is compiled"):
        noted.tune(Tensor(X, device="reference"), 2.0)


# --- gradients ---


@kernel
def cube(build, x, factor, *, width: int = tl.choice(16, 8)):
    out, square = build.output(x.shape, x.dtype), build.output(x.shape, x.dtype)
    block = build.grid(x.size, width)
    value = x.flat[block]
    out.flat[block], square.flat[block] = value * value * value * factor, value * value
    return out, square


@cube.gradient
def cube_gradient(upstream, results, x, factor):
    parts = (3 * factor * results[1], 2 * x)
    return sum(
        part * given for part, given in zip(parts, upstream, strict=True) if given is not None
    )


@on_both
def test_gradients(device):
    x = Tensor(X, device=device)
    value, found = value_and_grad(lambda x: (cube(x, 2.0)[0] * 5).sum())(x)
    close(value.numpy(), 10 * (X**3).sum(), 1e-4)
    close(found.numpy(), 30 * X * X)
    both = grad(lambda x: sum(one.sum() for one in cube(x * 2, 2.0)))(x)
    close(both.numpy(), 2 * (6 * 4 * X * X + 4 * X), 1e-4)
    second = grad(lambda x: grad(lambda x: cube(x, 1.0)[0].sum())(x).sum())(x)
    close(second.numpy(), 6 * X, 1e-4)


@on_both
def test_backward_through_a_kernel(device):
    x = Tensor(X, device=device, requires_grad=True)
    y = cube(x, 1.0)[0].realize()
    (y * 2).sum().backward()
    close(x.grad.numpy(), 6 * X * X, 1e-4)


def test_gradients_that_are_not_there():
    with pytest.raises(GradientError, match=r"hand-written kernel, which has none"):
        grad(lambda x: double(x).sum())(Tensor(X))
    close(grad(lambda x: (double(x).detach() * x).sum())(Tensor(X)).numpy(), 2 * X)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (lambda upstream: (upstream, upstream), GradientError),
        (lambda upstream: upstream.sum(0), ShapeError),
        (lambda upstream: upstream.half(), TypeError),
    ],
    ids=["count", "shape", "dtype"],
)
def test_gradients_that_do_not_fit(given, error):
    @kernel
    def same(build, x):
        out = build.output(x.shape, x.dtype)
        out[...] = x[...]
        build.grid(1)
        return out

    same.gradient(lambda upstream, *_: given(upstream))
    with pytest.raises(error):
        grad(lambda x: same(x).sum())(Tensor(X))


# --- arguments ---


@kernel
def add(build, x, y):
    out = build.output(x.shape, x.dtype)
    block = build.grid(x.size, 16)
    out.flat[block] = x.flat[block] + y.flat[block]
    return out


def test_arguments_that_make_no_sense():
    with pytest.raises(ArgumentTypeError, match="called with tensors"):
        double(1.0)
    with pytest.raises(ArgumentTypeError, match="does not take these arguments"):
        double(Tensor(X), 2)
    with pytest.raises(ArgumentTypeError, match="neither a tensor nor hashable"):
        cube(Tensor(X), [2.0])
    with pytest.raises(DeviceError, match="different devices"):
        add(Tensor(X), Tensor(X, device="reference"))
    with pytest.raises(ArgumentError, match="does not name what it takes"):
        kernel(print)


def test_dtypes_are_arguments():
    @kernel
    def to(build, x, dtype):
        out = build.output(x.shape, dtype)
        out[...] = x[...].cast(dtype)
        build.grid(1)
        return out

    assert to(Tensor(X), dtypes.float16).dtype is dtypes.float16
    numpy.testing.assert_array_equal(to(Tensor(X), dtypes.int8).numpy(), X.astype(numpy.int8))
