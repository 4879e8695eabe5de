import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, SMALL_INTEGERS, check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
]


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_matmul_is_that_of_numpy(left, right):
    a, b = random_array(left), random_array(right, seed=1)
    check(Tensor(a) @ Tensor(b), numpy.asarray(a @ b), tolerance=1e-5)
    check(Tensor(b).matmul(Tensor(a), reverse=True), numpy.asarray(a @ b), tolerance=1e-5)


@pytest.mark.parametrize("dtype", [*SMALL_INTEGERS, *FLOATS, dtypes.bool], ids=str)
def test_matmul_of_dtypes(dtype):
    a, b = random_array((4, 20), dtype), random_array((20, 3), dtype, seed=1)
    if dtype.is_float:
        expected = (a.astype(numpy.float64) @ b.astype(numpy.float64)).astype(dtype.numpy)
    else:
        expected = a @ b
    check(Tensor(a) @ Tensor(b), expected, tolerance=1e-5 if dtype.bits > 16 else None)


def test_matmul_accumulates_widely_and_promotes():
    row = Tensor(numpy.full((1, 4096), 0.1, numpy.float16))
    assert (row @ row.T).item() == pytest.approx(4096 * 0.09998**2, rel=1e-3)
    assert (row @ row.float().T).dtype is dtypes.float32
    assert row.matmul(row.T, dtype="float32").dtype is dtypes.float32


@pytest.mark.parametrize(
    ("dtype", "wide"), [(dtypes.int8, dtypes.int32), (dtypes.float32, dtypes.float64)], ids=str
)
def test_matmul_is_computed_in_the_wider_dtype(dtype, wide):
    a, b = random_array((4, 300), dtype), random_array((300, 3), dtype, seed=1)
    expected = numpy.matmul(a, b, dtype=wide.numpy)
    check(Tensor(a).matmul(Tensor(b), dtype=wide), expected, tolerance=1e-13)


def test_matmul_misfits():
    with pytest.raises(ShapeError, match=r"\(2, 3\) @ \(4, 5\)"):
        Tensor.ones(2, 3) @ Tensor.ones(4, 5)
    with pytest.raises(ShapeError, match="batch"):
        Tensor.ones(2, 2, 3) @ Tensor.ones(3, 3, 4)
    with pytest.raises(ShapeError, match="scalars"):
        Tensor.ones(3) @ Tensor(1.0)


def test_linear_and_outer():
    x, w, b = random_array((4, 3)), random_array((3, 5)), random_array((5,))
    check(Tensor(x).linear(Tensor(w), Tensor(b)), x @ w + b, tolerance=1e-5)
    check(Tensor(x).linear(Tensor(w[:, 0])), x * w[:, 0])
    check(Tensor(b).outer(Tensor(x[0])), numpy.outer(b, x[0]))


@pytest.mark.parametrize("dims", [0, 1, 2, ([0, 2], [1, 0]), ([-1], [0])])
def test_tensordot_is_that_of_torch(dims):
    a, b = random_array((3, 4, 3)), random_array((3, 3, 4), seed=1)
    if dims == 2:
        b = random_array((4, 3, 5), seed=1)
    expected = torch.tensordot(to_torch(a), to_torch(b), dims=dims)
    check(Tensor(a).tensordot(Tensor(b), dims), expected, tolerance=1e-5)


FORMULAS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("ij,kj->ki", (3, 4), (5, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (6, 4, 5)),
    ("i,j->ij", (3,), (4,)),
    ("i,i", (3,), (3,)),
    ("ij->ji", (3, 4)),
    ("ij->", (3, 4)),
    ("ij->j", (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("ba", (3, 4)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("ijk,ilm,njm,nlk,abc->", (2, 3, 4), (2, 3, 4), (2, 3, 4), (2, 3, 4), (2, 2, 2)),
    ("i...->...", (3, 4, 2)),
    ("ij,k->ji", (3, 4), (5,)),
]


@pytest.mark.parametrize("case", FORMULAS, ids=lambda case: case[0])
def test_einsum_is_that_of_numpy(case):
    formula, *shapes = case
    arrays = [random_array(shape, seed=i) for i, shape in enumerate(shapes)]
    expected = numpy.asarray(numpy.einsum(formula, *arrays))
    check(Tensor.einsum(formula, *map(Tensor, arrays)), expected, tolerance=2e-5)


def test_einsum_refuses():
    a = Tensor.ones(2, 3)
    with pytest.raises(ArgumentError, match="number of operands"):
        Tensor.einsum("ij,jk->ik", a)
    with pytest.raises(ShapeError, match="number of axes"):
        Tensor.einsum("i->", a)
    with pytest.raises(ShapeError, match="sizes of axis"):
        Tensor.einsum("ij,ik->jk", a, Tensor.ones(4, 2))
    with pytest.raises(ArgumentError, match="result"):
        Tensor.einsum("ij->ik", a)
