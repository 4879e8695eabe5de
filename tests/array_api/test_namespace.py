"""The namespace as a whole: names, parameters, dtypes, and the documented gaps and differences."""

from __future__ import annotations

import inspect
import itertools

import array_api_compat
import array_api_strict
import numpy
import pytest
import torch

from tests.array_api.cases import CASES
from tests.array_api.drawing import EVERY, FLOATS, INTEGERS, NUMERIC
from tilegrad import Tensor, array_api, dtypes
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, DTypeError, SharingError
from tools.reference_array_api import DIFFERENCES, SKIPPED

NOT_OF_THE_STANDARD = {"ArrayAPIStrictFlags", "Device", "ModuleType"}
STRICT = {
    name
    for name in {*dir(array_api_strict), "linalg", "fft"}
    if not name.startswith("_") and "flags" not in name and name not in NOT_OF_THE_STANDARD
}
OURS = {name for name in array_api.__all__ if not name.startswith("__")}
FUNCTIONS = sorted(
    name for name in OURS if inspect.isfunction(getattr(array_api, name)) and name in STRICT
)
CHECKED_ELSEWHERE = {
    *("can_cast", "finfo", "iinfo", "isdtype", "result_type"),  # below
    *("empty", "empty_like", "from_dlpack"),  # below
}
KINDS = (
    *("bool", "signed integer", "unsigned integer", "integral"),
    *("real floating", "complex floating", "numeric"),
)


def both(name):
    return getattr(array_api, name), getattr(array_api_strict, name)


def test_the_namespace_has_what_is_not_documented_as_left_out():
    assert set(SKIPPED) == STRICT - OURS
    assert OURS <= STRICT


def test_every_function_is_compared_with_the_reference():
    assert set(FUNCTIONS) == set(CASES) | CHECKED_ELSEWHERE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parameters_are_those_of_the_standard(name):
    ours, theirs = (inspect.signature(one).parameters for one in both(name))
    assert list(ours) == list(theirs)
    for parameter, other in zip(ours.values(), theirs.values(), strict=True):
        assert parameter.kind == other.kind, parameter
        if isinstance(other.default, (bool, int, float, str, type(None))):
            assert parameter.default == other.default


def test_how_the_namespace_is_found():
    x = Tensor([1.0])
    assert x.__array_namespace__() is array_api
    assert x.__array_namespace__(api_version="2023.12") is array_api
    with pytest.raises(ArgumentError, match="version"):
        x.__array_namespace__(api_version="2012.12")
    assert array_api_compat.is_array_api_obj(x)
    assert array_api_compat.array_namespace(x) is array_api
    assert array_api_compat.device(x) == x.device
    assert array_api_compat.to_device(x, "reference").device == "reference"


def test_a_library_that_is_written_for_the_standard():
    def standardise(x):
        xp = array_api_compat.array_namespace(x)
        return xp.astype(x - xp.mean(x, axis=0), xp.float64) / xp.std(x, axis=0)

    array = numpy.random.default_rng(0).normal(size=(5, 3))
    numpy.testing.assert_allclose(standardise(Tensor(array)).numpy(), standardise(array))


def test_information():
    ours, theirs = (xp.__array_namespace_info__() for xp in (array_api, array_api_strict))
    assert set(ours.capabilities()) == set(theirs.capabilities())
    assert ours.default_device() in ours.devices()
    expected = {name for name in theirs.dtypes() if "complex" not in name}
    assert set(ours.dtypes()) == expected
    for kind in KINDS:
        expected = {name for name in theirs.dtypes(kind=kind) if "complex" not in name}
        assert set(ours.dtypes(kind=kind)) == set(ours.dtypes(kind=(kind,))) == expected
    assert ours.default_dtypes()["indexing"] is array_api.argmax(Tensor([1])).dtype
    assert ours.default_dtypes()["real floating"] is array_api.zeros(1).dtype
    assert ours.default_dtypes()["integral"] is array_api.asarray(1).dtype
    with pytest.raises(ArgumentError, match="kind"):
        ours.dtypes(kind="number")


# --- dtypes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NUMERIC)
def test_limits(dtype):
    ours, theirs = both("finfo" if dtype in FLOATS else "iinfo")
    argument, other = both(dtype)
    fields = (
        ("bits", "eps", "max", "min", "smallest_normal") if dtype in FLOATS else ("bits", "max")
    )
    for found in (ours(argument), ours(array_api.zeros(2, dtype=argument))):
        assert found.dtype is argument
        for field in (*fields, "min"):
            assert getattr(found, field) == getattr(theirs(other), field)
            assert type(getattr(found, field)) in (int, float)


def test_limits_refuse():
    with pytest.raises(DTypeError, match="finfo"):
        array_api.finfo(array_api.int32)
    with pytest.raises(DTypeError, match="iinfo"):
        array_api.iinfo(array_api.bool)


def test_kinds():
    ours, theirs = both("isdtype")
    for dtype, kind in itertools.product(EVERY, KINDS):
        assert ours(both(dtype)[0], kind) == theirs(both(dtype)[1], kind)
    assert ours(array_api.int8, ("bool", array_api.int8))
    assert not ours(array_api.int8, (array_api.int16, "real floating"))
    assert ours(dtypes.bfloat16, "real floating")
    with pytest.raises(ArgumentError, match="kind"):
        ours(array_api.int8, "number")


def test_casting_and_promotion():
    for first, second in itertools.product(EVERY, EVERY):
        ours, theirs = zip(both(first), both(second), strict=True)
        if {first, second} & {"uint64"} and {first, second} & {"int8", "int16", "int32", "int64"}:
            continue  # the standard leaves it open
        assert array_api.can_cast(*ours) == array_api_strict.can_cast(*theirs), (first, second)
        try:
            expected = array_api_strict.result_type(*theirs)
        except TypeError:  # the standard leaves it open
            continue
        assert array_api.result_type(*ours).name == str(expected).rpartition(".")[2]
        assert array_api.result_type(Tensor([1], dtype=ours[0]), ours[1]) is array_api.result_type(
            *ours
        )


def test_promotion_of_numbers():
    for dtype in NUMERIC:
        assert array_api.result_type(dtypes.__dict__[dtype], 1) is dtypes.__dict__[dtype]
    assert array_api.result_type(array_api.float64, 1.5, 2) is array_api.float64
    assert array_api.result_type(array_api.bool, True) is array_api.bool
    with pytest.raises(ArgumentTypeError, match="tensor or a dtype"):
        array_api.result_type(1, 2.5)


# --- creation -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", EVERY)
def test_empty(dtype):
    ours = both(dtype)[0]
    assert array_api.empty((2, 3), dtype=ours).dtype is ours
    like = array_api.empty_like(array_api.empty((2, 3), dtype=ours, device="reference"))
    assert (like.dtype, like.shape, like.device) == (ours, (2, 3), "reference")


def test_asarray():
    assert array_api.asarray([[1, 2], [3, 4]]).dtype is dtypes.int64
    assert array_api.asarray([True]).dtype is dtypes.bool
    assert array_api.asarray([1, 2.5]).tolist() == [1.0, 2.5]
    assert array_api.asarray(memoryview(numpy.arange(3))).tolist() == [0, 1, 2]
    assert array_api.asarray(torch.arange(3)).tolist() == [0, 1, 2]
    assert array_api.asarray(numpy.int16(2)).dtype is dtypes.int16
    assert array_api.asarray(3, dtype=array_api.int8, device="reference").device == "reference"


def test_asarray_shares_only_when_told():
    array = numpy.arange(3.0)
    values = array_api.asarray(array), array_api.asarray(array, copy=False)
    array[0] = 7.0
    assert [value.tolist() for value in values] == [[0.0, 1.0, 2.0], [7.0, 1.0, 2.0]]
    theirs = torch.arange(3)
    values = array_api.asarray(theirs), array_api.asarray(theirs, copy=False)
    theirs[0] = 7
    assert [value.tolist() for value in values] == [[0, 1, 2], [7, 1, 2]]
    x = Tensor([1.0, 2.0])
    assert array_api.asarray(x) is x
    copied = array_api.asarray(x, copy=True)
    copied += 1
    assert x.tolist() == [1.0, 2.0]
    for arguments in ([1.0], 1.0, (array, array_api.float32), (x, array_api.float64)):
        obj, dtype = arguments if isinstance(arguments, tuple) else (arguments, None)
        with pytest.raises(SharingError, match="needs a copy"):
            array_api.asarray(obj, dtype=dtype, copy=False)


def test_from_dlpack():
    assert array_api.from_dlpack(torch.arange(3)).tolist() == [0, 1, 2]
    assert array_api.from_dlpack(numpy.arange(3), device="reference").device == "reference"


def test_constants():
    for name in ("e", "inf", "pi", "newaxis"):
        ours, theirs = both(name)
        assert ours == theirs
    assert array_api.nan != array_api.nan


def test_numbers_on_both_sides_are_refused():
    with pytest.raises(ArgumentTypeError, match="must be a tensor"):
        array_api.add(1, 2)


# --- differences ----------------------------------------------------------------------------------

X = [[1.0, 2.0], [3.0, 4.0]]


def size_is_a_method():
    assert Tensor(X).size() == (2, 2)
    assert Tensor(X).numel() == array_api_compat.size(Tensor(X)) == 4


def there_is_no_complex_default():
    assert "complex floating" not in array_api.__array_namespace_info__().default_dtypes()
    assert "complex floating" in array_api_strict.__array_namespace_info__().default_dtypes()


def transposing_takes_any_rank():
    assert array_api.zeros((2, 3, 4)).T.shape == (4, 3, 2)
    with pytest.raises(ValueError, match="2 dimensions"):
        _ = array_api_strict.zeros((2, 3, 4)).T


def positions_out_of_range_read_zero():
    assert Tensor([1.0, 2.0])[Tensor([0, 5])].tolist() == [1.0, 0.0]


def floats_are_float32():
    assert array_api.asarray(1.5).dtype is dtypes.float32
    assert array_api_strict.asarray(1.5).dtype == array_api_strict.float64


def kinds_meet():
    assert (Tensor([1]) + Tensor([1.5])).dtype is dtypes.float32
    assert (Tensor([True]) + Tensor([2], dtype="int8")).dtype is dtypes.int8
    assert not array_api.can_cast(array_api.int8, array_api.float32)
    assert array_api.result_type(array_api.int8, array_api.float32) is array_api.float32
    with pytest.raises(TypeError):
        array_api_strict.result_type(array_api_strict.int8, array_api_strict.float32)


def analysis_takes_integers():
    for name in INTEGERS:
        assert array_api.exp(array_api.zeros(1, dtype=both(name)[0])).dtype is dtypes.float32
    with pytest.raises(TypeError):
        array_api_strict.exp(array_api_strict.asarray([1]))


def tensors_are_values():
    x = Tensor([1.0, 2.0]).realize()
    others = [array_api.reshape(x, (2, 1), copy=copy) for copy in (None, True)]
    others += [array_api.astype(x, array_api.float32), array_api.asarray(x, copy=True)]
    x += 1
    x.realize()
    assert [other.numpy().ravel().tolist() for other in others] == [[1.0, 2.0]] * 4


CHECKS = (
    size_is_a_method,
    there_is_no_complex_default,
    transposing_takes_any_rank,
    positions_out_of_range_read_zero,
    floats_are_float32,
    kinds_meet,
    analysis_takes_integers,
    tensors_are_values,
)


@pytest.mark.parametrize(
    ("difference", "check"),
    [
        pytest.param(difference, check, id=difference.what)
        for difference, check in itertools.zip_longest(DIFFERENCES, CHECKS)
    ],
)
def test_a_documented_difference_is_one(difference, check):
    assert difference.why
    check()


@pytest.mark.parametrize("name", sorted(SKIPPED))
def test_what_is_documented_as_left_out_is(name):
    assert not hasattr(array_api, name)
