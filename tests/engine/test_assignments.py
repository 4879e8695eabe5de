"""What a graph with assignments leaves in memory and gives as results, on both devices."""

from __future__ import annotations

import numpy
import pytest

from tilegrad.engine import current_session
from tilegrad.engine.storage import storage_of, view_storage, wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.graph import assign
from tilegrad.ops.infer import known_sizes
from tilegrad.ops.movement import FlipAttributes, flip, permute_axes, reshape_to

DEVICES = ("cpu", "reference")


def read(node: Node) -> list[float]:
    return view_storage(storage_of(node), known_sizes(node.shape)).ravel().tolist()


def realize(device: str, *nodes: Node) -> list[list[float]]:
    results = current_session().executor(device).realize(nodes, {})
    return [view_storage(home, known_sizes(shape)).ravel().tolist() for home, shape in results]


@pytest.fixture(params=DEVICES)
def device(request) -> str:
    return request.param


def make(device: str, *values: float) -> Node:
    return wrap_array(numpy.array(values, numpy.float32), device)


def test_the_overwritten_tensor_itself_may_be_wanted(device):
    x, y = make(device, 1, 2), make(device, 3, 4)
    assert realize(device, assign(x, y), x) == [[3, 4], [1, 2]]
    assert read(x) == [3, 4]


def test_a_view_of_the_overwritten_tensor_keeps_its_value(device):
    x, y = make(device, 1, 2), make(device, 3, 4)
    assert realize(device, reshape_to(x, (2, 1)), assign(x, y)) == [[1, 2], [3, 4]]


def test_what_reads_an_assignment_reads_the_new_value(device):
    x, y = make(device, 1, 2), make(device, 3, 4)
    written = assign(x, y)
    reversed_ = flip(written, attributes=FlipAttributes((0,)))
    assert realize(device, written, reversed_, written + x) == [[3, 4], [4, 3], [4, 6]]


def test_an_assignment_that_is_not_wanted_writes_nothing(device):
    x, y = make(device, 1, 2), make(device, 3, 4)
    assert realize(device, assign(x, y) + y) == [[6, 8]]
    assert read(x) == [1, 2]


def test_a_swap(device):
    x, y = make(device, 1, 2), make(device, 3, 4)
    assert realize(device, assign(x, y), assign(y, x)) == [[3, 4], [1, 2]]
    assert (read(x), read(y)) == ([3, 4], [1, 2])


def test_a_ring_of_three(device):
    x, y, z = make(device, 1), make(device, 2), make(device, 3)
    realize(device, assign(x, y), assign(y, z), assign(z, x))
    assert (read(x), read(y), read(z)) == ([2], [3], [1])


def test_a_transposition_in_place(device):
    values = numpy.arange(16, dtype=numpy.float32)
    x = reshape_to(wrap_array(values.copy(), device), (4, 4))
    home = x.sources[0]
    turned = reshape_to(permute_axes(x, (1, 0)), (16,))
    realize(device, assign(home, turned))
    assert read(home) == values.reshape(4, 4).T.ravel().tolist()


def test_readers_before_and_after_in_one_graph(device):
    x = make(device, 1, 2, 3)
    written = assign(x, x * x)
    before, after = x + x, written + written
    assert realize(device, before, written, after) == [[2, 4, 6], [1, 4, 9], [2, 8, 18]]
    assert read(x) == [1, 4, 9]


def test_a_kernel_reads_what_it_overwrites_first(device):
    x, y = make(device, 5, 6), make(device, 1, 2)
    assert realize(device, assign(y, x), x - y, assign(x, y + y))[1] == [4, 4]
    assert (read(x), read(y)) == ([2, 4], [5, 6])


def test_a_swap_with_sums_in_one_kernel(device):
    x, y = make(device, 5, 6), make(device, 1, 2)
    assert realize(device, assign(x, x + y), assign(y, x - y)) == [[6, 8], [4, 4]]
    assert (read(x), read(y)) == ([6, 8], [4, 4])
