import numpy

from tilegrad import Tensor


def test_scalars_and_rows():
    assert repr(Tensor(1.5, device="reference")) == (
        "Tensor(1.5, shape=(), dtype=float32, device='reference')"
    )
    assert repr(Tensor([1, 2], device="reference")) == (
        "Tensor([1, 2], shape=(2,), dtype=int64, device='reference')"
    )


def test_matrices_stand_in_lines(golden):
    texts = [
        repr(Tensor(numpy.arange(6).reshape(2, 3) / 7, device="reference")),
        repr(Tensor(numpy.arange(8).reshape(2, 2, 2), device="reference", dtype="bfloat16")),
        repr(Tensor.ones(100, 100, device="reference")),
        repr(Tensor([], device="reference")),
        repr(Tensor([numpy.nan, numpy.inf, -0.0], device="reference", requires_grad=True)),
    ]
    golden("display.txt", "\n\n".join(texts) + "\n")


def test_formats():
    assert f"{Tensor(1.23456):.2f}" == "1.23"
    assert f"{Tensor(7):>4d}" == "   7"
    assert f"{Tensor([1])}" == repr(Tensor([1]))
