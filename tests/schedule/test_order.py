"""The order of kernels around assignments, and what is copied back."""

from __future__ import annotations

import numpy

from tests.schedule.kernels import run_schedule, schedule
from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.engine.plan import find_lives
from tilegrad.engine.storage import storage_of, view_storage, wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.graph import assign, contiguous
from tilegrad.ops.movement import FlipAttributes, flip
from tilegrad.ops.reduction import ReduceAttributes, reduce_sum
from tilegrad.schedule.order import Item


def make(*values: float) -> Node:
    return wrap_array(numpy.array(values, numpy.float32), "cpu")


def contents(node: Node) -> list[float]:
    storage = storage_of(node)
    return view_storage(storage, (storage.size,)).tolist()


def copied_back(items: list[Item]) -> list[Node]:
    return [node for item in items for node in item.copied_back]


def reverse(node: Node) -> Node:
    return flip(node, attributes=FlipAttributes((0,)))


def test_an_update_of_each_element_by_itself_is_done_in_place():
    x, y = make(1, 2, 3), make(4, 5, 6)
    nodes = [assign(x, x * y)]
    assert copied_back(schedule(nodes)) == []
    run_schedule(nodes)
    assert contents(x) == [4, 10, 18]


def test_an_update_from_other_places_is_copied_back():
    x = make(1, 2, 3)
    nodes = [assign(x, x + reverse(x))]
    assert copied_back(schedule(nodes)) == nodes
    run_schedule(nodes)
    assert contents(x) == [4, 4, 4]


def test_an_update_by_a_sum_over_the_target_is_right():
    x = make(1, 2, 3)
    total = reduce_sum(x, attributes=ReduceAttributes((0,)))
    run_schedule([assign(x, x - total)])
    assert contents(x) == [-5, -4, -3]


def test_readers_of_the_old_contents_come_first():
    x, y = make(1, 2, 3), make(4, 5, 6)
    before = contiguous(reverse(x) * 2)
    nodes = [assign(x, y), before]
    items = schedule(nodes)
    assert copied_back(items) == []
    assert [item.writes[0].op.name for item in items][-1] == "assign"
    assert run_schedule(nodes)[1].tolist() == [6, 4, 2]
    assert contents(x) == [4, 5, 6]


def test_a_circle_of_assignments_is_broken_at_one_place():
    x, y, z = make(1, 2), make(3, 4), make(5, 6)
    nodes = [assign(x, y), assign(y, z), assign(z, x)]
    assert len(copied_back(schedule(nodes))) == 1
    run_schedule(nodes)
    assert (contents(x), contents(y), contents(z)) == ([3, 4], [5, 6], [1, 2])


def test_a_circle_through_sums_is_broken():
    x, y = make(1, 2, 3), make(4, 5, 6)
    sums = [reduce_sum(node, attributes=ReduceAttributes((0,))) for node in (x, y)]
    run_schedule([assign(x, x + sums[1]), assign(y, y + sums[0])])
    assert contents(x) == [16, 17, 18]
    assert contents(y) == [10, 11, 12]


def test_alike_updates_of_many_tensors_are_next_to_each_other():
    parameters = [make(1, 2) for _ in range(5)]
    items = schedule([assign(p, p - contiguous(reverse(p))) for p in parameters])
    is_update = [item.writes[0].op.name == "assign" for item in items]
    assert is_update == [False] * 5 + [True] * 5


def test_gradients_of_weights_do_not_wait_until_all_activations_have_theirs():
    layers = 6
    x = Tensor.zeros(1024, 256).contiguous().realize()
    weights = [Tensor.zeros(256, 256).contiguous().realize() for _ in range(layers)]
    for weight in weights:
        weight.requires_grad = True
        x = (x @ weight).tanh()
    plan = explain(*x.sum().gradient(*weights)).plan
    activation = 1024 * 256 * 4
    # All layers' results, what comes back to one of them, and what goes on from there.
    assert plan.arena.nbytes <= (layers + 2) * activation


def test_gradients_of_large_weights_of_small_activations_come_last():
    x = Tensor.zeros(2, 256, 16, 16).contiguous().realize()
    weights = [Tensor.zeros(256, 256, 3, 3).contiguous().realize() for _ in range(4)]
    for weight in weights:
        weight.requires_grad = True
        x = x.conv2d(weight, padding=1)
        x = (x - x.mean((0, 2, 3), keepdim=True)).tanh()
    groups = explain(*x.sum().gradient(*weights)).plan.groups
    passing, results = (find_lives(groups, kind).values() for kind in ("temporary", "made"))
    assert len(results) == len(weights)
    assert min(first for first, _ in results) >= max(first for first, _ in passing)


def test_what_needs_nothing_is_computed_just_before_it_is_needed():
    x = Tensor.zeros(2048, 512).contiguous().realize()
    activation, prepared = 2048 * 512 * 4, 512 * 512 * 4
    for _ in range(8):
        weight = Tensor.zeros(512, 512).contiguous().realize()
        x = (x @ weight.flip(0).contiguous()).tanh()
    assert explain(x).plan.arena.nbytes <= 2 * activation + 2 * prepared
