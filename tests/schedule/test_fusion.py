"""How many kernels common computations become, and how many bytes they move: exact counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.engine import current_session
from tilegrad.engine.compiled import CompiledExecutor
from tilegrad.engine.explain import explain
from tilegrad.engine.plan import Plan


def make(*shape: int, seed: int = 0) -> Tensor:
    values = numpy.random.default_rng(seed).standard_normal(shape)
    return Tensor(values.astype(numpy.float32), requires_grad=True)


def plan_of(tensors: Sequence[Tensor]) -> Plan:
    executor = current_session().executor("cpu")
    assert isinstance(executor, CompiledExecutor)
    return executor.plan([tensor.node for tensor in tensors])


def forward_and_backward(result: Tensor, *inputs: Tensor) -> tuple[int, int]:
    """Return the kernels of a result, and of the gradients of its product with a tensor."""
    upstream = make(*(int(size) for size in result.shape), seed=9)
    gradients = (result * upstream).sum().gradient(*inputs)
    return plan_of([result]).kernels, plan_of(gradients).kernels


@pytest.mark.parametrize("length", [1, 10, 50])
def test_elementwise_chain_is_one_kernel(length: int) -> None:
    plan = plan_of([chain(make(64, 128), length)])
    assert plan.kernels == 1
    assert plan.moved_bytes == 2 * 64 * 128 * 4


def test_elementwise_chain_is_cut_where_its_formula_is_long() -> None:
    kernels = explain(chain(make(64, 128), 300)).kernels
    assert 1 < len(kernels) < 10
    assert max(str(kernel.kernel).count("tanh(") for kernel in kernels) < 100


def chain(x: Tensor, length: int) -> Tensor:
    y = x
    for number in range(length):
        y = (y * 1.5 + float(number)).tanh() + y
    return y


def test_reductions_that_nest_without_end_are_cut_too() -> None:
    """Each step needs a maximum of the one before; nested in one kernel they exhaust the stack."""
    x = Tensor(numpy.ones(5, numpy.float32))
    y = x
    for _ in range(300):
        y = y - y.max() * 0.5 + 1
    assert plan_of([y]).kernels < 30
    numpy.testing.assert_array_equal(y.numpy(), numpy.full(5, 2 - 0.5**300, numpy.float32))


def test_a_chain_of_shifts_does_not_double_its_kernel() -> None:
    """Each step of this needs the one before at two places; written out, the last needs 64."""
    programs = [str(kernel.kernel) for kernel in explain(make(64).logcumsumexp(0)).kernels]
    assert sum(text.count("log1p(") for text in programs) < 32


def test_movement_moves_nothing() -> None:
    x, y = make(8, 16, 32), make(32, 16, 8)
    moved = x.permute(2, 1, 0).flip(0).pad(((1, 0), (0, 0), (0, 0)))
    moved = moved.shrink(((0, 32), (0, 16), (0, 8)))
    plan = plan_of([moved + y])
    assert plan.kernels == 1
    assert plan.moved_bytes == 3 * 8 * 16 * 32 * 4


def test_softmax() -> None:
    x = make(64, 128)
    assert forward_and_backward(x.softmax(), x) == (1, 1)
    assert forward_and_backward(x.log_softmax(), x) == (1, 1)
    plan = plan_of([x.softmax()])
    assert plan.moved_bytes == 2 * 64 * 128 * 4


def test_layer_norm() -> None:
    x = make(64, 128)
    assert forward_and_backward(x.layernorm(), x) == (1, 1)


def test_affine_layer_norm_takes_one_more_kernel_for_its_parameters() -> None:
    x, weight, bias = make(64, 128), make(128), make(128)
    assert forward_and_backward(x.layernorm() * weight + bias, x, weight, bias) == (1, 2)


def test_rms_norm() -> None:
    x = make(64, 128)
    y = x * ((x * x).mean(-1, keepdim=True) + 1e-6).rsqrt()
    assert forward_and_backward(y, x) == (1, 1)


def test_batch_norm_takes_two_kernels_at_most() -> None:
    x = make(16, 8, 10, 10)
    centred = x - x.mean((0, 2, 3), keepdim=True)
    y = centred * (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).rsqrt()
    forward, backward = forward_and_backward(y, x)
    assert (forward, backward) == (1, 1)


def test_cross_entropy() -> None:
    x = make(64, 128)
    target = Tensor(numpy.random.default_rng(1).integers(0, 128, 64))
    loss = x.cross_entropy(target)
    assert plan_of([loss]).kernels == 1
    assert plan_of(loss.gradient(x)).kernels == 1
    assert plan_of([loss, *loss.gradient(x)]).kernels == 2


def test_gradient_of_a_perceptron_reads_the_hidden_layer_as_it_came_from_the_product() -> None:
    """Two kernels forward, two for gradients of activations, two for those of weights."""
    x, up, down = make(4, 256, 384), make(384, 1536), make(1536, 384)
    hidden = (x @ up).gelu()
    result = x + hidden @ down
    gradients = (result * make(4, 256, 384, seed=9)).sum().gradient(x, up, down)
    plan = plan_of([result, *gradients])
    assert plan.kernels == 6
    stored = sorted(int(made.size) for made in plan.temporaries if made.size == 1024 * 1536)
    assert len(stored) == 3  # what goes into GELU, what comes out, and the gradient of the first


def test_layer_norm_between_products_stores_its_result_alone() -> None:
    x, first, second = make(256, 64), make(64, 128), make(128, 64)
    residual = x @ first + make(256, 128, seed=7)
    normalised = residual.layernorm() * make(128, seed=8)
    result = normalised @ second
    gradients = (result * make(256, 64, seed=9)).sum().gradient(x, first, second)
    plan = plan_of([result, *gradients])
    large = [made for made in plan.temporaries if made.size == 256 * 128]
    # Going forward what is normalised and the result; the gradients of both going back.
    assert len(large) <= 4


def test_update_of_several_tensors_is_no_epilogue() -> None:
    x, upstream, weight, moment = make(64, 96), make(64, 128), make(96, 128), make(96, 128)
    Tensor.realize(weight, moment)
    gradient = (x @ weight * upstream).sum().gradient(weight)[0]
    new = 0.9 * moment + gradient
    assert len(explain(weight.assign(weight - 0.1 * gradient)).kernels) == 1
    assert len(explain(moment.assign(new), weight.assign(weight - 0.1 * new)).kernels) == 2


def test_matmul_with_bias_and_activation_is_one_kernel() -> None:
    a, b, bias = make(64, 96), make(96, 128), make(128)
    for activation in ("relu", "gelu", "silu", "tanh"):
        assert plan_of([getattr(a @ b + bias, activation)()]).kernels == 1


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_convolution_and_each_of_its_gradients_are_one_kernel(stride: int, dilation: int) -> None:
    x, weight = make(4, 8, 17, 17), make(16, 8, 3, 3)
    y = x.conv2d(weight, stride=stride, dilation=dilation, padding=1).relu()
    assert plan_of([y]).kernels == 1
    upstream = make(*(int(size) for size in y.shape), seed=5)
    linear = x.conv2d(weight, stride=stride, dilation=dilation, padding=1)
    image, window = (linear * upstream).sum().gradient(x, weight)
    assert plan_of([window]).kernels == 1
    # The phases of a stride are computed side by side, up to a whole window beyond the image; what
    # reads the gradient cuts it out, and here that is a copy.
    has_phases = stride > 1 and dilation == 1
    assert plan_of([image]).kernels == (2 if has_phases else 1)
    assert plan_of([image * 2.0]).kernels == (2 if has_phases else 1)


def test_training_step_of_a_convnet_takes_the_fewest_kernels() -> None:
    """They are argued for in docs/explanation/kernels-of-a-training-step.md."""
    fewest = 17
    images = make(64, 1, 8, 8)
    labels = Tensor(numpy.random.default_rng(1).integers(0, 10, 64))
    shapes = [(16, 1, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 128), (10,)]
    parameters = [make(*shape, seed=number).realize() for number, shape in enumerate(shapes)]
    first, first_bias, second, second_bias, last, last_bias = parameters
    x = images.conv2d(first, first_bias, padding=1).relu().max_pool2d((2, 2))
    x = x.conv2d(second, second_bias, padding=1).relu().max_pool2d((2, 2))
    loss = x.flatten(1).linear(last.T, last_bias).cross_entropy(labels)
    gradients = loss.gradient(*parameters)
    updated = [one - 0.1 * by for one, by in zip(parameters, gradients, strict=True)]
    plan = plan_of([loss, *updated])
    assert plan.kernels == fewest
    assert plan.moved_bytes == 3_635_332
