"""Buffers: how long memory lives, and what views share."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from tilegrad.base.errors import ArgumentError
from tilegrad.runtime.buffer import Buffer


class Keeper:
    """An owner whose end can be watched."""


def make(nbytes=64):
    """Return a buffer over NumPy's memory and a weak reference to what keeps it alive."""
    keeper, array = Keeper(), np.zeros(nbytes, np.uint8)
    keeper.array = array
    return Buffer(array.ctypes.data, nbytes, keeper), weakref.ref(keeper)


def test_the_keeper_goes_with_the_last_reference():
    buffer, keeper = make()
    assert keeper() is not None
    del buffer
    assert keeper() is None


@pytest.mark.parametrize(
    "derive",
    [
        lambda buffer: buffer.part(8, 16),
        lambda buffer: buffer.part(8, 16).part(4, 4),
        lambda buffer: buffer.array(),
        lambda buffer: buffer.array()[3:5],
        lambda buffer: buffer.view(),
        lambda buffer: buffer.view()[3:5],
        lambda buffer: buffer.part(8, 16).array().view(np.float32).reshape(2, 2),
    ],
    ids=["part", "part of a part", "array", "slice", "view", "slice of a view", "reshaped"],
)
def test_what_is_derived_keeps_the_memory_alive(derive):
    buffer, keeper = make()
    derived = derive(buffer)
    del buffer
    gc.collect()
    assert keeper() is not None
    del derived
    gc.collect()
    assert keeper() is None


def test_views_share_the_bytes():
    buffer, _ = make()
    buffer.array()[10] = 7
    buffer.view()[11] = 8
    part = buffer.part(8, 16)
    assert (part.nbytes, part.address) == (16, buffer.address + 8)
    assert bytes(part.view()[:4]) == bytes([0, 0, 7, 8])
    part.array().view(np.int64)[:] = -1
    assert bytes(buffer.view()[7:25]) == b"\0" + b"\xff" * 16 + b"\0"


@pytest.mark.parametrize(("offset", "nbytes"), [(-1, 4), (0, 65), (64, 1), (3, -1)])
def test_a_part_lies_within_its_buffer(offset, nbytes):
    buffer, _ = make()
    with pytest.raises(ArgumentError, match="within its buffer"):
        buffer.part(offset, nbytes)


def test_wrapping_an_array_keeps_it():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    watched = weakref.ref(array)
    buffer = Buffer.wrap(array)
    assert (buffer.address, buffer.nbytes) == (array.ctypes.data, 24)
    buffer.array().view(np.float32)[4] = 9
    assert array[1, 1] == 9
    del array
    assert watched() is not None
    del buffer
    assert watched() is None


def test_wrapping_a_read_only_array():
    array = np.arange(4)
    array.flags.writeable = False
    buffer = Buffer.wrap(array)
    for view in (buffer.array(), buffer.part(0, 8).array()):
        assert not view.flags.writeable


def test_wrapping_needs_contiguous_memory():
    with pytest.raises(ArgumentError, match="C-contiguous"):
        Buffer.wrap(np.zeros((4, 4))[:, :2])


def test_empty():
    buffer, _ = make(0)
    assert buffer.array().shape == (0,)
    assert buffer.part(0, 0).nbytes == 0
    assert Buffer.wrap(np.zeros((0, 3))).nbytes == 0
