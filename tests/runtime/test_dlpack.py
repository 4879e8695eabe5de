"""DLPack, both ways, with NumPy and torch as the other side."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.runtime.buffer import Buffer
from tilegrad.runtime.dlpack import (
    DLPackKind,
    DLPackTensor,
    compact_strides,
    make_capsule,
    read_dlpack,
)

NUMPY_KINDS = {
    "b": DLPackKind.BOOL,
    "i": DLPackKind.INTEGER,
    "u": DLPackKind.UNSIGNED,
    "f": DLPackKind.FLOAT,
}
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES += ["float16", "float32", "float64"]


class Lender:
    """An array of ours as another library sees it; `newest` is what we pretend to know."""

    def __init__(self, tensor, *, is_old=False):
        self.tensor = tensor
        self.is_old = is_old

    def __dlpack__(self, *, max_version=None, **_):
        return make_capsule(self.tensor, None if self.is_old else max_version)

    def __dlpack_device__(self):
        return (1, 0)


def describe(array):
    shape = array.shape
    kind, bits = NUMPY_KINDS[array.dtype.kind], array.dtype.itemsize * 8
    return DLPackTensor(Buffer.wrap(array), shape, compact_strides(shape), kind, bits)


def as_array(tensor, dtype):
    """Return our view of a tensor that was read."""
    strides = [stride * tensor.bits // 8 for stride in tensor.strides]
    flat = tensor.buffer.array().view(dtype)
    return np.lib.stride_tricks.as_strided(flat, tensor.shape, strides)


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0, 4), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_round_trip_through_numpy(dtype, shape, is_old):
    array = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    theirs = np.from_dlpack(Lender(describe(array), is_old=is_old))
    assert theirs.dtype == array.dtype
    np.testing.assert_array_equal(theirs, array)
    ours = read_dlpack(theirs)
    assert (ours.kind, ours.bits, ours.shape) == (
        NUMPY_KINDS[array.dtype.kind],
        array.itemsize * 8,
        shape,
    )
    np.testing.assert_array_equal(as_array(ours, dtype), array)
    if array.size:
        assert ours.buffer.address == array.ctypes.data
        array[...] = 1
        assert as_array(ours, dtype).ravel()[-1] == 1


def test_strided_arrays_are_described_as_they_are():
    array = np.arange(24).reshape(4, 6)[1::2, ::3]
    ours = read_dlpack(array)
    assert (ours.shape, ours.strides) == ((2, 2), (12, 3))
    np.testing.assert_array_equal(as_array(ours, np.int64), array)


def test_backward_arrays_are_refused():
    with pytest.raises(ArgumentError, match="backwards"):
        read_dlpack(np.arange(5)[::-1])


def test_what_is_read_stays_alive():
    array = np.arange(5)
    watched = weakref.ref(array)
    ours = read_dlpack(array)
    part = ours.buffer.part(8, 8)
    del array, ours
    gc.collect()
    assert watched() is not None
    assert part.array().view(np.int64)[0] == 1
    del part
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("is_old", [False, True])
def test_what_is_lent_stays_alive(is_old):
    array = np.arange(5)
    watched = weakref.ref(array)
    theirs = np.from_dlpack(Lender(describe(array), is_old=is_old))
    del array
    gc.collect()
    assert watched() is not None
    thread = threading.Thread(target=lambda held: held.clear(), args=([theirs],))
    del theirs
    thread.start()
    thread.join()
    del thread
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("version", [None, (1, 0), (9, 9)])
def test_a_capsule_that_nobody_uses(version):
    array = np.arange(5)
    watched = weakref.ref(array)
    capsule = make_capsule(describe(array), version)
    del array
    assert watched() is not None
    del capsule
    assert watched() is None


def test_a_capsule_is_used_once():
    class Repeating(Lender):
        capsule = make_capsule(describe(np.arange(5)))

        def __dlpack__(self, **_):
            return self.capsule

    lender = Repeating(None)
    read_dlpack(lender)
    with pytest.raises(ArgumentTypeError, match="capsule"):
        read_dlpack(lender)


def test_read_only_memory():
    array = np.arange(5)
    array.flags.writeable = False
    assert not read_dlpack(array).buffer.is_writable
    assert not np.from_dlpack(Lender(describe(array))).flags.writeable
    with pytest.raises(ArgumentError, match="this old"):
        make_capsule(describe(array))


def test_other_devices_and_kinds_are_refused():
    class OnGraphicsCard(Lender):
        def __dlpack_device__(self):
            return (2, 0)

    with pytest.raises(ArgumentError, match="copy it to the CPU"):
        read_dlpack(OnGraphicsCard(None))
    with pytest.raises(ArgumentError, match="type code 5 with 64 bits"):
        read_dlpack(np.zeros(3, np.complex64))
    with pytest.raises(ArgumentTypeError, match="__dlpack__"):
        read_dlpack([1, 2, 3])


def test_libraries_from_before_version_1():
    class Old(Lender):
        def __dlpack__(self):
            return make_capsule(self.tensor)

    array = np.arange(5)
    assert read_dlpack(Old(describe(array))).buffer.address == array.ctypes.data


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bfloat16", DLPackKind.BFLOAT),
        ("float8_e4m3fn", DLPackKind.FLOAT8_E4M3FN),
        ("float8_e5m2", DLPackKind.FLOAT8_E5M2),
        ("float32", DLPackKind.FLOAT),
        ("bool", DLPackKind.BOOL),
    ],
)
def test_round_trip_through_torch(name, kind):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, name)
    theirs = torch.arange(6, dtype=torch.float32).to(dtype).reshape(2, 3)
    ours = read_dlpack(theirs)
    assert (ours.kind, ours.shape, ours.strides) == (kind, (2, 3), (3, 1))
    assert ours.buffer.address == theirs.data_ptr()
    back = torch.from_dlpack(Lender(ours))
    assert back.dtype == dtype
    assert back.data_ptr() == theirs.data_ptr()
    assert torch.equal(back.to(torch.float32), theirs.to(torch.float32))


def test_lent_memory_outlives_the_modules():
    """A tensor of another library may be freed when the interpreter is half gone."""
    pytest.importorskip("torch")
    script = """
import sys
import numpy as np, torch
from tests.runtime.test_dlpack import Lender, describe
sys.kept = [torch.from_dlpack(Lender(describe(np.arange(5))))]
sys.kept.append(sys.kept)
"""
    folders = [".", *filter(None, sys.path)]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        env={"PYTHONPATH": ":".join(folders)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
