"""What kernels and schedules mean: every axis of a kernel is a dimension of NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.trace import Trace
from tilegrad.engine.storage import storage_of, view_storage
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import kernel, memory
from tilegrad.ops.dialects import kernels
from tilegrad.ops.evaluate import evaluate
from tilegrad.ops.leaves import buffer
from tilegrad.schedule.empty import is_empty
from tilegrad.schedule.express import target_of
from tilegrad.schedule.order import Item
from tilegrad.schedule.passes import schedule_graph
from tilegrad.schedule.roots import resolve_alias

COMBINE = {
    "add": numpy.add,
    "multiply": numpy.multiply,
    "maximum": numpy.maximum,
    "minimum": numpy.minimum,
}


def run_kernel(program: Node, parameters: Sequence[numpy.ndarray]) -> None:
    """Perform the stores of a kernel on flat arrays, one for each slot."""
    kernels.verify([program])
    order = sort_topologically([program])
    axes = [node for node in order if node.op is kernel.axis]
    extents = {axis: int(kernel.extent_of(axis)) for axis in axes}  # type: ignore[arg-type]
    values: dict[Node, Any] = {}
    stores = []
    for node in order:
        sources = [values[source] for source in node.sources]
        if node.op is kernel.axis:
            shape = [1] * len(axes)
            shape[axes.index(node)] = extents[node]
            values[node] = numpy.arange(extents[node]).reshape(shape)
        elif node.op is memory.parameter:
            values[node] = parameters[node.attributes.slot]
        elif node.op is memory.load:
            values[node] = _load(*sources)
        elif node.op is kernel.reduce_over:
            values[node] = _reduce(node.attributes.kind, sources[0], node.sources[1:], extents)
        elif node.op is kernel.exponential_sum:
            bound = node.sources[2:]
            shifted = sources[0] - _reduce("maximum", sources[0], bound, extents)
            values[node] = _reduce("add", numpy.exp(shifted) * sources[1], bound, extents)
        elif node.op is memory.store:
            stores.append(sources)
            values[node] = None
        elif node.op is not kernel.kernel:
            record = () if node.attributes is None else (node.attributes,)
            with numpy.errstate(all="ignore"):
                values[node] = numpy.asarray(node.op.reference(*sources, *record))
    for pointer, offset, value, *mask in stores:
        where = numpy.broadcast_arrays(offset, value, *mask)
        chosen = where[2] if mask else numpy.ones(where[0].shape, bool)
        pointer[where[0][chosen]] = where[1][chosen]


def _load(pointer: numpy.ndarray, offset: numpy.ndarray, *mask: numpy.ndarray) -> numpy.ndarray:
    offset, chosen = numpy.broadcast_arrays(offset, *(mask or [numpy.asarray(True)]))
    result = numpy.zeros(offset.shape, pointer.dtype)
    assert (offset[chosen] >= 0).all()
    result[chosen] = pointer[offset[chosen]]
    return result


def _reduce(
    kind: str, body: numpy.ndarray, bound: Sequence[Node], extents: Mapping[Node, int]
) -> numpy.ndarray:
    axes = list(extents)
    body = body if body.ndim else body.reshape((1,) * len(axes))
    places = [axes.index(axis) for axis in bound]
    shape = list(body.shape)
    for place in places:
        shape[place] = extents[axes[place]]
    whole = numpy.broadcast_to(body, shape)
    return COMBINE[kind].reduce(whole, tuple(places), dtype=body.dtype, keepdims=True)


def schedule(nodes: Sequence[Node]) -> list[Item]:
    """Return the steps that compute nodes."""
    return schedule_graph(nodes, frozenset(), Trace()).items


def run_schedule(nodes: Sequence[Node]) -> list[numpy.ndarray]:
    """Return the values of nodes over buffers; assignments write into theirs."""
    nodes, items, _ = schedule_graph(nodes, frozenset(), Trace())
    memory_of: dict[Node, numpy.ndarray] = {}
    for node in sort_topologically(nodes):
        if node.op is buffer:
            storage = storage_of(node)
            memory_of[node] = view_storage(storage, (storage.size,))
    copies = []
    for item in items:
        for node in item.writes:
            is_in_place = node.op.name == "assign" and node not in item.copied_back
            size = int(numpy.prod(node.shape))
            new = numpy.zeros(size, node.dtype.numpy)
            memory_of[node] = memory_of[target_of(node)] if is_in_place else new
        if item.kernel is None:
            _perform(item.root.node, memory_of)
        else:
            run_kernel(item.kernel.program, [memory_of[node] for node in item.kernel.parameters])
        copies += item.copied_back
    for node in copies:
        memory_of[target_of(node)][:] = memory_of[node]
    return [_result(node, memory_of) for node in nodes]


def _perform(node: Node, memory_of: Mapping[Node, numpy.ndarray]) -> None:
    """Compute an op that brings its own kernel by its reference."""

    def contents(source: Node) -> numpy.ndarray:
        found = memory_of.get(target_of(source))
        if found is None:
            return evaluate([source], contents, {})[0]
        return found.reshape(source.shape)  # type: ignore[arg-type]

    arrays = [contents(source) for source in node.sources]
    with numpy.errstate(all="ignore"):
        value = node.op.reference(*arrays, node.attributes)  # type: ignore[misc]
    memory_of[node][:] = value.ravel()


def _result(node: Node, memory_of: Mapping[Node, numpy.ndarray]) -> numpy.ndarray:
    shape = tuple(int(size) for size in node.shape)
    if is_empty(node):
        return numpy.zeros(shape, node.dtype.numpy)
    home = resolve_alias(node)
    found = memory_of[home] if home in memory_of else memory_of[target_of(home)]
    return found.reshape(shape)
