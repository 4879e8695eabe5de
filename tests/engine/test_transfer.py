"""Tensors move between devices with their values."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor


@pytest.mark.parametrize(("origin", "target"), [("cpu", "reference"), ("reference", "cpu")])
def test_lazy_tensor_is_computed_where_it_is_and_moved(origin: str, target: str) -> None:
    array = numpy.arange(12, dtype=numpy.float32).reshape(3, 4)
    tensor = (Tensor(array, device=origin) * 2).to(target)
    assert tensor.device == target
    result = (tensor + 1).sum(axis=0)
    assert result.device == target
    numpy.testing.assert_array_equal(result.numpy(), (array * 2 + 1).sum(0))


def test_copy_there_and_back() -> None:
    array = numpy.arange(5)
    tensor = Tensor(array, device="cpu").to("reference").to("cpu") * 3
    numpy.testing.assert_array_equal(tensor.numpy(), array * 3)
