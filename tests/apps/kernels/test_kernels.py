"""The kernels written by hand against NumPy, on both devices, and their gradients."""

import numpy
import pytest

from tests.language.running import close, on_both, run
from tilegrad import Tensor, Variable, dtypes, grad, jit
from tilegrad.apps import kernels
from tilegrad.base.settings import Settings
from tilegrad.engine import Session


def normal(*shape, seed=0):
    return numpy.random.default_rng(seed).standard_normal(shape).astype(numpy.float32)


def softmax(x):
    powers = numpy.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@on_both
@pytest.mark.parametrize("shape", [(3, 32), (4, 37), (1, 1)])
def test_softmax(shape, device):
    x = normal(*shape)
    close(run(kernels.softmax, x, device=device), softmax(x))


@on_both
def test_softmax_gradient(device):
    x, g = normal(3, 37), normal(3, 37, seed=1)
    given = Tensor(g, device=device)
    found = grad(lambda x: (kernels.softmax(x) * given).sum())(Tensor(x, device=device))
    y = softmax(x)
    close(found.numpy(), y * (g - (g * y).sum(1, keepdims=True)))


@on_both
@pytest.mark.parametrize("shape", [(3, 32), (4, 37)])
def test_layer_norm(shape, device):
    x, weight, bias = normal(*shape), normal(shape[1], seed=1), normal(shape[1], seed=2)
    y, mean, scale = run(kernels.layer_norm, x, weight, bias, device=device)
    close(mean, x.mean(1))
    close(scale, 1 / numpy.sqrt(x.var(1) + 1e-5))
    expected = (x - x.mean(1, keepdims=True)) / numpy.sqrt(x.var(1, keepdims=True) + 1e-5)
    close(y, expected * weight + bias)


@on_both
@pytest.mark.parametrize("shape", [(3, 32), (150, 21)])
def test_layer_norm_gradient(shape, device):
    torch = pytest.importorskip("torch")
    arrays = [normal(*shape), normal(shape[1], seed=1), normal(shape[1], seed=2)]
    g = normal(*shape, seed=3)
    given = Tensor(g, device=device)
    found = grad(lambda *xs: (kernels.layer_norm(*xs)[0] * given).sum(), argnums=(0, 1, 2))(
        *(Tensor(one, device=device) for one in arrays)
    )
    tensors = [torch.tensor(one, requires_grad=True) for one in arrays]
    y = torch.nn.functional.layer_norm(tensors[0], shape[1:], *tensors[1:])
    (y * torch.tensor(g)).sum().backward()
    for one, other in zip(found, tensors, strict=True):
        close(one.numpy(), other.grad.numpy(), 1e-4)


@on_both
@pytest.mark.parametrize("shape", [(2, 128), (3, 75)])
def test_running_sum(shape, device):
    x = normal(*shape)
    close(run(kernels.running_sum, x, device=device), x.cumsum(1), 1e-4)


@on_both
@pytest.mark.parametrize("shape", [(2, 64), (3, 41)])
def test_top_k(shape, device):
    x = normal(*shape)
    x[0, 3] = x[0, 7] = 9.0
    x[1, 3:] = -numpy.inf
    values, places = run(kernels.top_k, x, 5, device=device)
    expected = numpy.argsort(-x, axis=1, kind="stable")[:, :5]
    numpy.testing.assert_array_equal(places, expected)
    numpy.testing.assert_array_equal(values, numpy.take_along_axis(x, expected, 1))


@on_both
@pytest.mark.parametrize("sizes", [(16, 24, 64), (21, 9, 37), (1, 5, 1)])
def test_matmul(sizes, device):
    m, k, n = sizes
    a, b = normal(m, k), normal(k, n, seed=1)
    for parameters in kernels.matmul.configurations()[:: 1 if device == "cpu" else 9]:
        close(run(kernels.matmul, a, b, device=device, **parameters), a @ b, 1e-4)


@on_both
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "int8", "uint8", "int64"])
def test_matmul_of_every_kind(dtype, device):
    random = numpy.random.default_rng(0)
    a, b = (random.integers(0, 4, shape).astype(numpy.float32) for shape in [(9, 17), (17, 35)])
    given = [Tensor(one, device=device).cast(getattr(dtypes, dtype)) for one in (a, b)]
    close(kernels.matmul(*given).double().numpy(), (a @ b).astype(numpy.float64))


@on_both
def test_narrow_floats(device):
    def narrow(*shape, seed=0):
        return Tensor(normal(*shape, seed=seed), device=device).cast(dtypes.bfloat16)

    def wide(tensor):
        return tensor.float().numpy()

    x, weight = narrow(3, 37), narrow(37, seed=1)
    close(wide(kernels.softmax(x)), softmax(wide(x)), 0.01)
    _, mean, _ = kernels.layer_norm(x, weight, weight)
    close(mean.numpy(), wide(x).mean(1))
    close(wide(kernels.running_sum(x)), wide(x).cumsum(1), 0.05)
    close(wide(kernels.top_k(x, 3)[0]), -numpy.sort(-wide(x), 1)[:, :3])
    q, k, v = (narrow(1, 19, 16, seed=seed) for seed in range(3))
    found = wide(kernels.flash_attention(q, k, v, causal=True))
    close(found, attention(wide(q), wide(k), wide(v), True), 0.03)
    gradient = grad(lambda q: kernels.flash_attention(q, k, v).float().sum())(q)
    ones = numpy.ones_like(wide(q))
    expected = attention_gradient(wide(q), wide(k), wide(v), ones, False)[0]
    close(wide(gradient), expected, 0.05)


@on_both
@pytest.mark.parametrize("rows", [1, 3])
def test_quantised_matmul(rows, device):
    x, weight = normal(rows, 96), normal(40, 96, seed=1)
    levels, scales = kernels.quantise(Tensor(weight, device=device))
    wide = levels.numpy().astype(numpy.float32) * scales.numpy().astype(numpy.float32)[:, :, None]
    close(wide.reshape(40, 96), weight, 0.03)
    found = run(kernels.quantised_matmul, x, levels, scales, device=device)
    close(found, x @ wide.reshape(40, 96).T, 1e-4)


def gelu(x):
    return 0.5 * x * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x**3)))


@on_both
@pytest.mark.parametrize("sizes", [(8, 16, 64, 32), (5, 9, 40, 33)])
def test_perceptron(sizes, device):
    m, d, h, n = sizes
    x, first, bias, second = normal(m, d), normal(d, h, seed=1), normal(h, seed=2), normal(h, n)
    found = run(kernels.perceptron, x, first, bias, second, device=device)
    close(found, gelu(x @ first + bias) @ second, 1e-4)


def attention(q, k, v, causal):
    scores = q @ k.swapaxes(1, 2) / numpy.sqrt(q.shape[2])
    if causal:
        scores = numpy.where(numpy.tri(q.shape[1], dtype=bool), scores, -numpy.inf)
    return softmax(scores) @ v


@on_both
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("shape", [(2, 64, 16), (1, 39, 8)])
def test_flash_attention(shape, causal, device):
    q, k, v = (normal(*shape, seed=seed) for seed in range(3))
    found = run(kernels.flash_attention, q, k, v, device=device, causal=causal)
    close(found, attention(q, k, v, causal), 1e-4)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(
    ("shape", "device"),
    [((2, 150, 16), "cpu"), ((1, 39, 8), "cpu"), ((1, 39, 8), "reference")],
)
def test_flash_attention_gradient(shape, causal, device):
    q, k, v, g = (normal(*shape, seed=seed) for seed in range(4))
    given = Tensor(g, device=device)

    def loss(q, k, v):
        return (kernels.flash_attention(q, k, v, causal=causal) * given).sum()

    arguments = [Tensor(one, device=device) for one in (q, k, v)]
    for found, expected in zip(
        grad(loss, argnums=(0, 1, 2))(*arguments),
        attention_gradient(q, k, v, g, causal),
        strict=True,
    ):
        close(found.numpy(), expected, 1e-4)


def attention_gradient(q, k, v, g, causal):
    torch = pytest.importorskip("torch")
    tensors = [torch.tensor(one, requires_grad=True) for one in (q, k, v)]
    out = torch.nn.functional.scaled_dot_product_attention(*tensors, is_causal=causal)
    (out * torch.tensor(g)).sum().backward()
    return [one.grad.numpy() for one in tensors]


@on_both
def test_one_kernel_serves_every_length(device):
    length = Variable("length", 1, 70)
    q = Tensor(normal(2, 70, 8), device=device).realize()

    @jit
    def attend(q, length):
        part = q[:, :length]
        return kernels.flash_attention(part, part, part, causal=True)

    for count in (5, 33, 70) if device == "cpu" else (5, 33):
        part = q.numpy()[:, :count]
        found = attend(q, length.bind(count)).numpy()
        close(found, attention(part, part, part, True), 1e-4)


@pytest.mark.parametrize("level", ["avx2", "sse2"])
def test_kernels_run_on_lesser_instruction_sets(level):
    settings = Settings.from_environment({"TILEGRAD_INSTRUCTION_SET": level})
    with Session(settings).entered():
        test_matmul((21, 9, 37), "cpu")
        test_matmul_of_every_kind("int8", "cpu")
        test_softmax((4, 37), "cpu")
        test_flash_attention((1, 39, 8), True, "cpu")
