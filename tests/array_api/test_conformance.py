"""Every function of the namespace against array-api-strict, dtype by dtype."""

from __future__ import annotations

import math

import array_api_strict
import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.array_api.cases import CASES
from tests.array_api.drawing import Draw
from tilegrad import Tensor, array_api
from tilegrad.base.settings import Settings
from tilegrad.engine.session import Session

TOLERANCE = {"float32": 3e-6, "float64": 1e-12}
FREE_ZEROS = {
    *("sort", "unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("clip", "max", "maximum", "min", "minimum"),
    *("cumulative_sum", "hypot", "linspace", "logaddexp", "mean", "prod", "std", "sum", "var"),
}
"""Functions in which the standard leaves the sign of a zero open."""


@pytest.fixture(scope="module")
def reference():
    with Session(Settings(device="reference")).entered() as session:
        yield session


def check(call):
    with numpy.errstate(all="ignore"):
        expected = call.run(array_api_strict)
    found = call.run(array_api)
    if not isinstance(expected, (tuple, list)):
        expected, found = (expected,), (found,)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        check_array(ours, numpy.asarray(theirs), call.name)


def check_array(ours, theirs, name):
    assert isinstance(ours, Tensor)
    array = numpy.asarray(ours)
    assert (array.dtype, ours.dtype.name, ours.shape) == (
        theirs.dtype,
        theirs.dtype.name,
        theirs.shape,
    )
    if theirs.dtype.kind != "f":
        numpy.testing.assert_array_equal(array, theirs)
        return
    near = TOLERANCE[theirs.dtype.name]
    numpy.testing.assert_allclose(array, theirs, rtol=near, atol=near)
    if name not in FREE_ZEROS:
        zero = (array == 0) & (theirs == 0)
        numpy.testing.assert_array_equal(numpy.signbit(array[zero]), numpy.signbit(theirs[zero]))


def check_generated(name, dtype, share):
    """Check a share of the profile's number of generated calls.

    The property is made anew for each function: Hypothesis chains the settings of one that is used
    again and again.
    """

    @settings(
        suppress_health_check=list(HealthCheck),
        max_examples=math.ceil(settings().max_examples * share),
        database=None,
    )
    @given(data=st.data())
    def agrees(data):
        check(CASES[name][1](Draw(data, dtype)))

    agrees()


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, (dtypes, _) in CASES.items() for dtype in dtypes]
)
def test_against_the_strict_namespace(reference, name, dtype):
    check_generated(name, dtype, 0.1)


@pytest.mark.parametrize("name", CASES)
def test_against_the_strict_namespace_compiled(name):
    check_generated(name, CASES[name][0][-1], 0.1)
