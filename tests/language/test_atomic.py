"""Atomic updates by many instances, against NumPy."""

import numpy
import pytest

from tests.language.running import on_both, run
from tilegrad import Tensor, dtypes, grad, kernel
from tilegrad import language as tl
from tilegrad.base.errors import GradientError, VerifyError

RANDOM = numpy.random.default_rng(0)
UPDATES = {"add": numpy.add, "max": numpy.maximum, "min": numpy.minimum}
DTYPES = ["int32", "uint32", "int64", "uint64", "float32", "float64"]


@kernel
def update(build, values, places, target, *, kind, width=16):
    target = build.update(target)
    block = build.grid(values.shape[0], width)
    inside = block.positions < values.shape[0]
    getattr(target, f"atomic_{kind}")(places[block], values[block], mask=inside)
    return target


@on_both
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", UPDATES)
def test_instances_meet_in_elements(kind, dtype, device):
    count = 4000 if device == "cpu" else 100
    values = RANDOM.integers(0, 100, count).astype(dtype)
    if dtype.startswith("i"):
        values -= 50
    elif dtype.startswith("f"):
        values[::40] = numpy.nan
    # Some positions lie outside.
    places = RANDOM.integers(-2, 40, count).astype(numpy.int32)
    start = RANDOM.integers(0, 100, 37).astype(dtype)
    expected = start.copy()
    is_inside = (places >= 0) & (places < 37)
    with numpy.errstate(invalid="ignore"):
        UPDATES[kind].at(expected, places[is_inside], values[is_inside])
    found = run(update, values, places, start, device=device, kind=kind)
    numpy.testing.assert_array_equal(found, expected)


@on_both
def test_what_stood_there_before_numbers_the_instances(device):
    @kernel
    def take_numbers(build, x, counter):
        counter = build.update(counter)
        out, owners = build.output(x.shape, x.dtype), build.output(x.shape, x.dtype)
        build.grid(x.shape[0])
        number = counter.atomic_add(0, 1)
        out[number] = number
        last = counter.atomic_exchange(1, number)
        owners[number] = last
        return counter, out, owners

    x, counter = numpy.zeros(300, numpy.int32), numpy.array([0, -1], numpy.int32)
    counter, out, owners = run(take_numbers, x, counter, device=device)
    numpy.testing.assert_array_equal(out, numpy.arange(300))
    numpy.testing.assert_array_equal(sorted([counter[1], *owners]), numpy.arange(-1, 300))


@on_both
def test_every_round_updates_though_nothing_in_it_changes(device):
    @kernel
    def count(build, x):
        out = build.output(8, x.dtype)
        build.grid(1)
        out[:] = 0.0
        with build.loop(3, seen=tl.zeros(())) as loop:
            out.atomic_add(tl.arange(4) // 2, 1.0)
            out.atomic_add(tl.arange(4) // 2, 1.0)
            loop.seen += out.atomic_exchange(4, 2.0) + out[0]
        out[5] = loop.seen
        return out

    found = run(count, numpy.zeros(1, numpy.float32), device=device)
    numpy.testing.assert_array_equal(found, [12, 12, 0, 0, 2, 4 + 4 + 8 + 12, 0, 0])


def test_the_reference_device_refuses_other_uses_of_updated_memory():
    @kernel
    def mixed(build, x, *, reads):
        out, rest = build.output(2, x.dtype), build.output(2, x.dtype)
        total = build.workspace(1, x.dtype)
        row = build.grid(2)
        with build.when(row == 0):
            total[0] = 0.0
        with build.when(row == 1):
            if reads:
                rest[0] = total[0]
            else:
                total.atomic_add(0, 1.0)
        out[row] = x[row]
        return out, rest

    for reads in (False, True):
        with pytest.raises(VerifyError, match="two instances of the program meet"):
            mixed(Tensor([1.0, 2.0], device="reference"), reads=reads)[0].numpy()


def test_gradients_are_refused():
    values, places = Tensor([1.0, 2.0]), Tensor([0, 1]).cast(dtypes.int32)

    def total(values):
        return update(values, places, Tensor.zeros(2), kind="add").sum()

    with pytest.raises(GradientError, match="through a hand-written kernel, which has none"):
        grad(total)(values)
