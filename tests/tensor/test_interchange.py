"""Interchange with NumPy and, by DLPack, with torch (and JAX, where it is installed)."""

from __future__ import annotations

import gc
import weakref

import ml_dtypes
import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import tilegrad
from tilegrad import Tensor, dtypes, jit
from tilegrad.base.errors import (
    ArgumentError,
    ArgumentTypeError,
    CaptureError,
    DTypeError,
    ShapeError,
    SharingError,
)
from tilegrad.ir.dtype import STORABLE

DEVICES = ("cpu", "reference")
IN_TORCH = {
    "float8_e4m3": torch.float8_e4m3fn,
    **{dtype.name: getattr(torch, dtype.name) for dtype in STORABLE if dtype.name != "float8_e4m3"},
}


def address(array: numpy.ndarray) -> int:
    return array.__array_interface__["data"][0]


class Old:
    """A tensor as a library from before DLPack 1.0 sees it."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self):
        return self.tensor.__dlpack__()

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


# --- NumPy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", STORABLE, ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("device", DEVICES)
def test_arrays_of_every_dtype_there_and_back(dtype, device):
    array = numpy.arange(6).reshape(2, 3).astype(dtype.numpy)
    tensor = Tensor(array, device=device)
    assert tensor.dtype is dtype
    back = numpy.asarray(tensor)
    assert back.dtype == array.dtype
    assert not back.flags.writeable
    assert back.tobytes() == array.tobytes()
    assert numpy.asarray(Tensor.from_numpy(array, device, copy=False)).tobytes() == array.tobytes()


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0, 3), (2, 3)], ids=str)
def test_arrays_of_every_shape_there_and_back(shape):
    array = numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape)
    for copy in (True, False, None):
        tensor = Tensor.from_numpy(array, copy=copy)
        assert tensor.shape == shape
        numpy.testing.assert_array_equal(numpy.asarray(tensor), array)


def test_asarray_takes_no_copy_and_numpy_takes_one():
    tensor = Tensor([1.0, 2.0]).realize()
    assert address(numpy.asarray(tensor)) == address(numpy.array(tensor, copy=False))
    assert address(numpy.asarray(tensor)) != address(tensor.numpy())
    assert address(numpy.asarray(tensor)) != address(numpy.array(tensor))
    own = tensor.numpy()
    own[0] = 7.0
    assert numpy.array(tensor).flags.writeable
    assert tensor.tolist() == [1.0, 2.0]


def test_another_dtype_needs_a_copy():
    tensor = Tensor([1.5, 2.0])
    assert numpy.asarray(tensor, dtype=numpy.float32).base is not None
    assert numpy.asarray(tensor, dtype=numpy.int32).tolist() == [1, 2]
    assert numpy.array(tensor, dtype=numpy.int32, copy=True).dtype == numpy.int32
    with pytest.raises(SharingError, match="another dtype"):
        numpy.array(tensor, dtype=numpy.int32, copy=False)
    with pytest.raises(ValueError, match="another dtype"):
        numpy.array(tensor, dtype=numpy.int32, copy=False)


def test_from_numpy_copies_unless_told_otherwise():
    array = numpy.array([1.0, 2.0])
    copied, shared = Tensor.from_numpy(array), Tensor.from_numpy(array, copy=None)
    assert address(numpy.asarray(shared)) == address(array)
    array[0] = 5.0
    assert copied.tolist() == [1.0, 2.0]
    assert shared.tolist() == [5.0, 2.0]


@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(6.0)[::2],
        numpy.arange(6.0).reshape(2, 3).T,
        numpy.arange(6.0).astype(">f8"),
        numpy.frombuffer(bytes(17), numpy.uint8)[1:].view(numpy.float64),
    ],
    ids=["strided", "transposed", "foreign byte order", "unaligned"],
)
def test_what_cannot_be_shared_is_copied_or_refused(array):
    numpy.testing.assert_array_equal(Tensor.from_numpy(array, copy=None).numpy(), array)
    with pytest.raises(SharingError, match="cannot be shared"):
        Tensor.from_numpy(array, copy=False)


def test_arrays_of_other_dtypes_are_refused():
    for copy in (True, False):
        with pytest.raises(DTypeError, match="no equivalent"):
            Tensor.from_numpy(numpy.zeros(2, complex), copy=copy)


def test_a_read_only_array_can_be_shared():
    array = numpy.array([1.0, 2.0])
    array.flags.writeable = False
    tensor = Tensor.from_numpy(array, copy=False)
    tensor += 1
    assert tensor.tolist() == [2.0, 3.0]
    assert array.tolist() == [1.0, 2.0]


# --- DLPack ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_TORCH)
def test_torch_there_and_back_without_a_copy(name):
    theirs = torch.arange(6, dtype=torch.float32).reshape(2, 3).to(IN_TORCH[name])
    ours = Tensor.from_dlpack(theirs)
    assert (ours.dtype.name, ours.shape) == (name, (2, 3))
    assert address(numpy.asarray(ours)) == theirs.data_ptr()
    back = torch.from_dlpack(ours)
    assert back.dtype == theirs.dtype
    assert back.data_ptr() == theirs.data_ptr()
    assert torch.equal(back.float(), theirs.float())


@pytest.mark.parametrize("device", DEVICES)
def test_numpy_by_dlpack(device):
    array = numpy.arange(6.0).reshape(2, 3)
    ours = tilegrad.from_dlpack(array, device=device)
    assert ours.device == device
    theirs = numpy.from_dlpack(ours)
    assert address(theirs) == address(array)
    assert not theirs.flags.writeable
    copied = numpy.from_dlpack(ours, copy=True)
    copied[0, 0] = 9.0
    assert address(copied) != address(array)
    assert array[0, 0] == 0.0


def test_jax_there_and_back():
    jax = pytest.importorskip("jax")
    theirs = jax.numpy.arange(6.0).reshape(2, 3)
    ours = Tensor.from_dlpack(theirs)
    assert ours.tolist() == theirs.tolist()
    assert jax.dlpack.from_dlpack(ours + 1).tolist() == (theirs + 1).tolist()


def test_tensors_by_dlpack():
    ours = Tensor([1.0, 2.0])
    other = Tensor.from_dlpack(ours)
    ours += 1
    assert (ours.tolist(), other.tolist()) == ([2.0, 3.0], [1.0, 2.0])
    other += 5
    assert (ours.tolist(), other.tolist()) == ([2.0, 3.0], [6.0, 7.0])


def test_lazy_and_strided_and_empty_tensors():
    assert torch.from_dlpack(Tensor([1.0, 2.0]) * 2).tolist() == [2.0, 4.0]
    theirs = torch.arange(6.0).reshape(2, 3)
    assert Tensor.from_dlpack(theirs.T).tolist() == theirs.T.tolist()
    assert Tensor.from_dlpack(theirs[:1].expand(4, 3)).tolist() == theirs[:1].expand(4, 3).tolist()
    with pytest.raises(SharingError, match="strides"):
        Tensor.from_dlpack(theirs.T, copy=False)
    assert Tensor.from_dlpack(torch.zeros(0, 3)).shape == (0, 3)
    assert torch.from_dlpack(Tensor.zeros(0, 3)).shape == (0, 3)
    assert torch.from_dlpack(Tensor(3)).item() == 3


def test_libraries_from_before_dlpack_1_get_a_copy():
    tensor = Tensor([1.0, 2.0])
    theirs = torch.from_dlpack(Old(tensor))
    theirs[0] = 7.0
    assert tensor.tolist() == [1.0, 2.0]
    with pytest.raises(SharingError, match="this old"):
        tensor.__dlpack__(copy=False)


def test_dlpack_refuses():
    tensor = Tensor([1.0, 2.0])
    assert tensor.__dlpack_device__() == (1, 0)
    for keywords in ({"stream": 1}, {"dl_device": (2, 0)}):
        with pytest.raises(BufferError, match="memory of the host"):
            tensor.__dlpack__(**keywords)
    with pytest.raises(ArgumentTypeError, match="DLPack"):
        Tensor.from_dlpack([1.0])
    with pytest.raises(BufferError, match="dtype here"):
        Tensor.from_dlpack(torch.zeros(2, dtype=torch.complex64))
    with pytest.raises(ShapeError, match="sizes that are known"):
        Tensor.ones(4)[: tilegrad.Variable("length", 1, 4)].__dlpack__()


def test_to_device():
    tensor = Tensor([1.0])
    assert tensor.to_device("reference").device == "reference"
    with pytest.raises(ArgumentError, match="streams"):
        tensor.to_device("cpu", stream=1)


# --- values ---------------------------------------------------------------------------------------


def lend_by_numpy(tensor):
    return numpy.asarray(tensor)


def lend_by_dlpack(tensor):
    return torch.from_dlpack(tensor)


LENDING = (Tensor.numpy, lend_by_numpy, lend_by_dlpack)
CHANGES = {
    "assign": lambda tensor: tensor.assign(7.0),
    "add": lambda tensor: tensor.assign(tensor + 1),
    "set": lambda tensor: tensor.__setitem__(0, 5.0),
    "none": lambda _: None,
}


@pytest.mark.parametrize("device", DEVICES)
@given(data=st.data())
def test_what_was_handed_out_never_changes(device, data):
    array = numpy.array([1.0, 2.0, 3.0])
    tensor = Tensor.from_numpy(array, device, copy=data.draw(st.sampled_from([True, False])))
    alias = tensor.reshape(3, 1) if data.draw(st.booleans()) else Tensor(tensor)
    model, handed = array.copy(), [(array, array.tolist())]
    for _ in range(data.draw(st.integers(1, 5))):
        change = data.draw(st.sampled_from(list(CHANGES)))
        CHANGES[change](tensor)
        model = {"assign": model * 0 + 7, "add": model + 1, "none": model}.get(
            change, numpy.array([5.0, *model[1:]])
        )
        for lender in data.draw(st.lists(st.sampled_from(LENDING), max_size=2)):
            given_out = lender(tensor)
            handed.append((given_out, given_out.tolist()))
            handed.append((lender(alias), alias.tolist()))
        if data.draw(st.booleans()):
            tensor.realize()
    assert tensor.tolist() == model.tolist()
    assert alias.flatten().tolist() == [1.0, 2.0, 3.0]
    for given_out, before in handed:
        assert given_out.tolist() == before


@pytest.mark.parametrize("lender", LENDING)
@pytest.mark.parametrize("lent_at", [(0,), (1,), (2,), (3, 4), (0, 1, 2, 3, 4)], ids=str)
def test_captured_steps_leave_what_was_handed_out(lender, lent_at):
    weight = Tensor.ones(3).realize()
    kept = []

    @jit
    def step(x):
        weight.assign(weight + x)
        return (weight * 2).sum()

    for turn in range(6):
        if turn in lent_at:
            kept.append((lender(weight), weight.tolist()))
        assert step(Tensor([1.0, 2.0, 3.0])).item() == 2 * (3 + 6 * (turn + 1))
    assert weight.tolist() == [7.0, 13.0, 19.0]
    for given_out, before in kept:
        assert given_out.tolist() == before


def test_captured_steps_see_memory_that_moved_in_between():
    weight, scale = Tensor.ones(2).realize(), Tensor([2.0, 3.0]).realize()

    @jit
    def step(x):
        weight.assign(weight + x * scale)
        return weight + 0

    one = Tensor.ones(2).realize()
    for _ in range(3):
        step(one)
    views = [numpy.asarray(weight), numpy.asarray(scale)]
    weight.assign(0.0).realize()
    scale.assign(10.0).realize()
    assert step(one).tolist() == weight.tolist() == [10.0, 10.0]
    assert [view.tolist() for view in views] == [[7.0, 10.0], [2.0, 3.0]]


def test_captured_steps_leave_what_was_handed_out_of_an_argument():
    step = jit(lambda x: x.assign(x + 1).sum())
    for _ in range(4):
        argument = Tensor([1.0, 2.0]).realize()
        view = numpy.asarray(argument)
        step(argument)
        assert view.tolist() == [1.0, 2.0]
        assert argument.tolist() == [2.0, 3.0]


def test_captured_steps_leave_what_was_handed_out_of_what_they_keep():
    kept = {}

    def double(x):
        kept["last"] = x * 2
        return x.sum()

    step = jit(double)
    for value in (1.0, 2.0):
        step(Tensor([value]))
    view = numpy.asarray(kept["last"])
    step(Tensor([3.0]))
    assert kept["last"].tolist() == [6.0]
    assert view.tolist() == [4.0]


def test_sharing_while_a_function_is_captured_is_refused():
    step = jit(lambda x: numpy.asarray(x * 2).sum())
    step(Tensor([1.0]))
    with pytest.raises(CaptureError, match="shared"):
        step(Tensor([1.0]))


# --- lifetimes ------------------------------------------------------------------------------------


def test_borrowed_memory_lives_as_long_as_the_tensor():
    array = numpy.arange(5.0)
    watched = weakref.ref(array)
    tensor = Tensor.from_numpy(array, copy=False)
    del array
    gc.collect()
    assert watched() is not None
    assert tensor.sum().item() == 10.0
    del tensor
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("lender", LENDING[1:])
def test_lent_memory_outlives_the_tensor(lender):
    tensor = Tensor(numpy.arange(1000.0))
    lent = lender(tensor)
    del tensor
    gc.collect()
    others = [Tensor.zeros(1000, dtype=dtypes.float64).contiguous().realize() for _ in range(8)]
    assert lent.sum().item() == 499500.0
    assert len(others) == 8


def test_arrays_of_ml_dtypes_are_taken():
    array = numpy.array([1.5, 2.5], ml_dtypes.bfloat16)
    assert Tensor(array).tolist() == [1.5, 2.5]
    assert Tensor.from_numpy(array, copy=False).dtype is dtypes.bfloat16
