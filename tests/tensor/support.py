"""What the tests of tensors share: comparing with NumPy and PyTorch."""

from __future__ import annotations

import numpy
import torch

from tilegrad import Tensor
from tilegrad.ir.dtype import DType, dtypes

SMALL_INTEGERS = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64, dtypes.uint8)
FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)
NUMBERS = (*SMALL_INTEGERS, dtypes.uint16, dtypes.uint32, dtypes.uint64, *FLOATS)

TOLERANCE = {
    dtypes.float8_e4m3: 0.13,
    dtypes.float8_e5m2: 0.26,
    dtypes.float16: 2e-3,
    dtypes.bfloat16: 2e-2,
    dtypes.float32: 2e-6,
    dtypes.float64: 1e-12,
}


def random_array(shape: tuple[int, ...], dtype: DType = dtypes.float32, seed: int = 0):
    """Return an array of small numbers of a dtype."""
    generator = numpy.random.default_rng([seed, *shape])
    if dtype.is_boolean:
        return generator.integers(0, 2, shape).astype(bool)
    if dtype.is_float:
        return generator.normal(size=shape).astype(numpy.float32).astype(dtype.numpy)
    low = 0 if dtype.is_unsigned else -9
    return generator.integers(low, 10, shape).astype(dtype.numpy)


def as_array(expected: object) -> numpy.ndarray:
    """Return what a reference gave as an array."""
    if isinstance(expected, torch.Tensor):
        detached = expected.detach()
        if detached.dtype is torch.bfloat16:
            return detached.float().numpy().astype(dtypes.bfloat16.numpy)
        return detached.numpy()
    return numpy.asarray(expected)


def check(
    result: Tensor, expected: object, *, tolerance: float | None = None, check_dtype: bool = True
) -> None:
    """Check values, shape and (unless told otherwise) dtype against a reference."""
    array = as_array(expected)
    found = result.numpy()
    assert result.shape == array.shape == found.shape
    assert found.dtype == result.dtype.numpy
    if check_dtype:
        assert found.dtype == array.dtype, (found.dtype, array.dtype)
    if not result.dtype.is_float:
        numpy.testing.assert_array_equal(found, array)
        return
    near = TOLERANCE[result.dtype] if tolerance is None else tolerance
    numpy.testing.assert_allclose(
        found.astype(numpy.float64), array.astype(numpy.float64), rtol=near, atol=near
    )


def to_torch(array: numpy.ndarray) -> torch.Tensor:
    """Return an array as a torch tensor."""
    if array.dtype == dtypes.bfloat16.numpy:
        return torch.from_numpy(array.astype(numpy.float32)).to(torch.bfloat16)
    return torch.from_numpy(numpy.ascontiguousarray(array))
