"""Products and factors of matrices against torch's, with gradients."""

import dataclasses
import os

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ShapeError
from tilegrad.base.settings import Settings
from tilegrad.engine import Session


@pytest.fixture(autouse=True)
def reference_session():
    """Meanings are compared, so the reference device is enough."""
    settings = dataclasses.replace(Settings.from_environment(os.environ), device="reference")
    with Session(settings).entered():
        yield


BATCH = random_array((2, 5, 5), dtypes.float64)
MATRIX = random_array((5, 5), dtypes.float64, 1)
POSITIVE = BATCH @ BATCH.swapaxes(1, 2) + 5 * numpy.eye(5)
RIGHT = random_array((2, 5, 3), dtypes.float64, 2)

UNARY = {
    "det": (Tensor.det, torch.linalg.det, BATCH),
    "logdet": (Tensor.logdet, torch.logdet, POSITIVE),
    "slogdet": (lambda x: x.slogdet()[1], lambda x: torch.linalg.slogdet(x)[1], BATCH),
    "sign": (lambda x: x.slogdet()[0], lambda x: torch.linalg.slogdet(x)[0], BATCH),
    "inverse": (Tensor.inverse, torch.linalg.inv, BATCH),
    "cholesky": (Tensor.cholesky, torch.linalg.cholesky, POSITIVE),
    "upper": (
        lambda x: x.cholesky(upper=True),
        lambda x: torch.linalg.cholesky(x, upper=True),
        POSITIVE,
    ),
    "power": (lambda x: x.matrix_power(5), lambda x: torch.linalg.matrix_power(x, 5), BATCH),
    "no power": (lambda x: x.matrix_power(0), lambda x: torch.linalg.matrix_power(x, 0), BATCH),
    "inverse power": (
        lambda x: x.matrix_power(-2),
        lambda x: torch.linalg.matrix_power(x, -2),
        BATCH,
    ),
}


@pytest.mark.parametrize("name", UNARY)
def test_values_and_gradients(name):
    ours, theirs, array = UNARY[name]
    x, reference = Tensor(array, requires_grad=True), to_torch(array).requires_grad_()
    found, expected = ours(x), theirs(reference)
    check(found, expected, tolerance=1e-9)
    if name not in ("sign", "no power"):
        weight = random_array(tuple(expected.shape), dtypes.float64, 5)
        (found * Tensor(weight)).sum().backward()
        (expected * to_torch(weight)).sum().backward()
        gradient, wanted = x.grad.numpy(), reference.grad.numpy()
        if array is POSITIVE:  # torch's is that of symmetric matrices
            gradient = (gradient + gradient.swapaxes(1, 2)) / 2
            wanted = (wanted + wanted.swapaxes(1, 2)) / 2
        numpy.testing.assert_allclose(gradient, wanted, rtol=1e-7, atol=1e-9)


def test_rows_are_swapped_where_they_must_be():
    swapped = numpy.array([[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    check(Tensor(swapped).det(), torch.linalg.det(to_torch(swapped)))
    check(Tensor(swapped).inverse(), torch.linalg.inv(to_torch(swapped)))
    assert Tensor(numpy.ones((4, 4))).det().item() == 0
    assert Tensor(numpy.zeros((2, 2))).det().item() == 0


@pytest.mark.parametrize("matrix", [BATCH, MATRIX])
@pytest.mark.parametrize("right", [RIGHT, RIGHT[0]])
def test_systems_are_solved(matrix, right):
    x, y = Tensor(matrix, requires_grad=True), Tensor(right, requires_grad=True)
    a, b = to_torch(matrix).requires_grad_(), to_torch(right).requires_grad_()
    check(x.solve(y), torch.linalg.solve(a, b), tolerance=1e-9)
    x.solve(y).square().sum().backward()
    torch.linalg.solve(a, b).square().sum().backward()
    check(x.grad, a.grad, tolerance=1e-6)
    check(y.grad, b.grad, tolerance=1e-6)


def test_one_vector_is_solved_for():
    vector = RIGHT[0, :, 0]
    expected = torch.linalg.solve(to_torch(MATRIX), to_torch(vector))
    check(Tensor(MATRIX).solve(Tensor(vector)), expected, tolerance=1e-9)


def test_orthonormal_factors():
    array = random_array((2, 6, 4), dtypes.float64)
    q, r = Tensor(array).qr()
    numpy.testing.assert_allclose((q @ r).numpy(), array, atol=1e-12)
    square = (q.mT @ q).numpy()
    numpy.testing.assert_allclose(square, numpy.broadcast_to(numpy.eye(4), (2, 4, 4)), atol=1e-12)
    expected = torch.linalg.qr(to_torch(array))
    sign = expected.R.diagonal(0, 1, 2).sign()
    check(r, expected.R * sign.unsqueeze(2), tolerance=1e-9)
    check(q, expected.Q * sign.unsqueeze(1), tolerance=1e-9)


def test_factors_are_compiled_too():
    with Session().entered():
        matrix, right = MATRIX[:3, :3].copy(), RIGHT[0, :3].copy()
        expected = torch.linalg.solve(to_torch(matrix), to_torch(right))
        check(Tensor(matrix).solve(Tensor(right)), expected, tolerance=1e-9)


def test_products():
    a, b, c = random_array((3, 4)), random_array((4, 5)), random_array((3, 5))
    v = random_array((4,))
    check(Tensor(a).mm(Tensor(b)), to_torch(a).mm(to_torch(b)), tolerance=1e-5)
    check(Tensor(a).mv(Tensor(v)), to_torch(a).mv(to_torch(v)), tolerance=1e-5)
    check(Tensor(v).vdot(Tensor(v)), torch.vdot(to_torch(v), to_torch(v)), tolerance=1e-5)
    found = Tensor(c).addmm(Tensor(a), Tensor(b), beta=0.5, alpha=2)
    expected = torch.addmm(to_torch(c), to_torch(a), to_torch(b), beta=0.5, alpha=2)
    check(found, expected, tolerance=1e-5)
    found = Tensor(c[:, 0]).addmv(Tensor(a), Tensor(v))
    check(found, torch.addmv(to_torch(c[:, 0]), to_torch(a), to_torch(v)), tolerance=1e-5)
    x, y = random_array((2, 3, 4)), random_array((2, 4, 5))
    check(Tensor(x).bmm(Tensor(y)), to_torch(x).bmm(to_torch(y)), tolerance=1e-5)
    found = Tensor(c).baddbmm(Tensor(x), Tensor(y))
    check(found, torch.baddbmm(to_torch(c), to_torch(x), to_torch(y)), tolerance=1e-5)
    check(Tensor(x).inner(Tensor(v)), torch.inner(to_torch(x), to_torch(v)), tolerance=1e-5)
    with pytest.raises(ShapeError, match="mm"):
        Tensor(x).mm(Tensor(b))


@pytest.mark.parametrize(
    "shapes", [((2, 3), (4, 5)), ((3,), (2, 2)), ((2, 3, 2), (3,)), ((), (2,))]
)
def test_kronecker(shapes):
    first, second = random_array(shapes[0]), random_array(shapes[1], seed=1)
    expected = torch.kron(to_torch(first), to_torch(second))
    check(Tensor(first).kron(Tensor(second)), expected)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_vector_products(dim):
    first, second = random_array((3, 3, 3)), random_array((3, 3, 3), seed=1)
    expected = torch.linalg.cross(to_torch(first), to_torch(second), dim=dim)
    check(Tensor(first).cross(Tensor(second), dim), expected)


def test_what_is_not_square_is_refused():
    with pytest.raises(ShapeError, match="square"):
        Tensor(numpy.ones((2, 3))).det()
    with pytest.raises(ShapeError, match="rows"):
        Tensor(numpy.ones((2, 3))).qr()
    with pytest.raises(ShapeError, match="cross"):
        Tensor(numpy.ones((2, 4))).cross(Tensor(numpy.ones((2, 4))))


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 2, 2)])
def test_empty_matrices_are_those_of_torch(shape):
    array = numpy.zeros(shape, "f4")
    x, y = Tensor(array), torch.tensor(array)
    check(x.det(), y.det())
    check(x.inverse(), y.inverse())
    check(x.cholesky(), torch.linalg.cholesky(y))
    for ours, theirs in zip(x.slogdet(), y.slogdet(), strict=True):
        check(ours, theirs)


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 3, 2)])
def test_factors_of_empty_matrices_are_those_of_torch(shape):
    array = numpy.zeros(shape, "f4")
    for ours, theirs in zip(Tensor(array).qr(), torch.linalg.qr(torch.tensor(array)), strict=True):
        check(ours, theirs)


def test_determinant_with_an_infinity_is_that_of_torch():
    array = numpy.array([[numpy.inf, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 3.0]])
    check(Tensor(array).det(), torch.tensor(array).det())
