"""Kernels run on both devices."""

from __future__ import annotations

import numpy
import pytest

from tilegrad import Tensor

DEVICES = ("reference", "cpu")
on_both = pytest.mark.parametrize("device", DEVICES)


def run(kernel, *arrays, device, **parameters):
    """Return the kernel's results as arrays."""
    given = [Tensor(a, device=device) if isinstance(a, numpy.ndarray) else a for a in arrays]
    found = kernel(*given, **parameters)
    return tuple(one.numpy() for one in found) if isinstance(found, tuple) else found.numpy()


def close(found, expected, tolerance=1e-5):
    numpy.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
