"""The trace says of every decision what it saves and what it repeats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from tilegrad.base.events import FusionDecided
from tilegrad.base.trace import Trace
from tilegrad.engine.storage import wrap_array
from tilegrad.ir.node import Node
from tilegrad.ops.arithmetic import divide
from tilegrad.ops.exponential import exp
from tilegrad.ops.graph import contiguous
from tilegrad.ops.movement import reshape_to
from tilegrad.ops.reduction import ReduceAttributes, reduce_maximum, reduce_sum
from tilegrad.ops.weights import weight_of
from tilegrad.schedule.fuse import fuse


def leaf(*shape: int) -> Node:
    return wrap_array(numpy.ones(shape, numpy.float32), "cpu")


def decisions(nodes: Sequence[Node]) -> dict[tuple[str, str], FusionDecided]:
    trace = Trace()
    with trace.record() as recording:
        fuse(nodes, trace)
    return {(one.producer, one.consumer): one for one in recording.find(FusionDecided)}


def test_what_is_read_once_saves_its_store_and_its_load():
    inner = exp(leaf(64, 32))
    (decision,) = decisions([inner + leaf(64, 32)]).values()
    assert decision.is_fused
    assert decision.saved_bytes == 2 * 4 * 64 * 32
    assert decision.repeated_operations == 0


def test_what_two_kernels_compute_is_repeated_by_the_second():
    """Both sums read the exponential: the store is saved once, each load once."""
    inner = exp(leaf(64, 32))
    rows = reduce_sum(inner, attributes=ReduceAttributes((1,)))
    columns = reduce_sum(inner, attributes=ReduceAttributes((0,)))
    found = [one for one in decisions([rows, columns]).values() if one.producer == repr(inner)]
    assert all(one.is_fused for one in found)
    size = 4 * 64 * 32
    assert sorted(one.saved_bytes for one in found) == [size, 2 * size]
    assert sorted(one.repeated_operations for one in found) == [0, 64 * 32 * weight_of(inner)]


def test_what_a_user_asked_for_in_memory_says_what_that_costs():
    inner = contiguous(exp(leaf(64, 32)))
    (decision,) = decisions([inner + 1.0]).values()
    assert not decision.is_fused
    assert decision.saved_bytes == 4 * 64 * 32  # the store is wanted
    assert decision.repeated_operations == 64 * 32 * weight_of(inner.sources[0])


def test_a_refused_row_says_what_it_would_have_repeated():
    """A sum over all elements that every element then needs."""
    x = leaf(256, 1024)
    total = reduce_sum(exp(x), attributes=ReduceAttributes((0, 1)))
    result = divide(x, total)
    found = decisions([result])
    decision = found[repr(total), repr(result)]
    assert not decision.is_fused
    assert decision.saved_bytes == 2 * 4
    assert decision.repeated_operations == 0  # one instance would compute it once, alone


def test_a_contraction_read_at_several_places_would_be_repeated():
    x, y = leaf(64, 16, 1), leaf(1, 16, 48)
    product = reduce_sum(x * y, attributes=ReduceAttributes((1,)))
    result = reshape_to(product, (64, 1, 48)) + leaf(64, 8, 48)
    found = decisions([result])
    decision = found[repr(product), repr(result)]
    assert not decision.is_fused
    assert decision.saved_bytes == 2 * 4 * 64 * 48
    assert decision.repeated_operations == 0


def test_siblings_say_what_they_share():
    x = leaf(64, 32)
    total = reduce_sum(x, attributes=ReduceAttributes((1,)))
    greatest = reduce_maximum(x * x, attributes=ReduceAttributes((1,)))
    found = decisions([total, greatest])
    pair = [one for names, one in found.items() if set(names) == {repr(total), repr(greatest)}]
    (decision,) = pair
    assert decision.is_fused
    assert decision.saved_bytes == 4 * 64 * 32
    other = decisions([exp(x), x * 2.0])
    (decision,) = [one for one in other.values() if "share" in one.reason]
    assert decision.saved_bytes == 4 * 64 * 32
