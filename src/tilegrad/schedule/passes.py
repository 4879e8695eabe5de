"""The passes of scheduling, in their order: those over a tensor graph, then those over each kernel.

``schedule_graph`` decides which kernels there are and when each runs. What it makes of a graph's
formulas may still say less directly than it could what a kernel does, as each op was expressed by
itself: ``simplify_kernel`` mends that, for each different kernel once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from tilegrad.base.trace import Trace
from tilegrad.ir.node import Node
from tilegrad.schedule.assignments import copy_overwritten, read_assigned
from tilegrad.schedule.divide_sums import divide_sums
from tilegrad.schedule.empty import drop_empty, is_empty
from tilegrad.schedule.exchange import exchange_sums
from tilegrad.schedule.express import ExpressedKernel
from tilegrad.schedule.flatten_sums import flatten_sums
from tilegrad.schedule.fuse import fuse
from tilegrad.schedule.merge_axes import merge_axes
from tilegrad.schedule.narrow_stores import narrow_stores
from tilegrad.schedule.order import Item, order_kernels
from tilegrad.schedule.phases import split_phases
from tilegrad.schedule.pick_terms import pick_terms
from tilegrad.schedule.share_guards import share_guards
from tilegrad.schedule.shorten_filters import shorten_filters
from tilegrad.schedule.split_sums import split_sums

KERNEL_PASSES = (
    narrow_stores,
    pick_terms,
    flatten_sums,
    split_sums,
    share_guards,
    divide_sums,
    merge_axes,
)
"""Sums that are picked from are gone before others are joined, and joined before they are split;
axes are merged last, when nothing names them singly any more."""


class Scheduled(NamedTuple):
    """A graph and the kernels that compute it.

    Attributes:
        nodes: what is wanted, as the passes left it.
        items: the kernels, in the order in which they run.
        hopes: buffers of which a schedule makes more use if they are constant.
    """

    nodes: list[Node]
    items: list[Item]
    hopes: frozenset[Node]


def schedule_graph(
    nodes: Sequence[Node],
    constants: AbstractSet[Node],
    trace: Trace,
    note: Callable[[ExpressedKernel], object] = lambda _: None,
) -> Scheduled:
    """Return which kernels compute a tensor graph, in an order in which they can run.

    Args:
        nodes: what is wanted.
        constants: buffers that hold the same each time.
        trace: is told of the decisions.
        note: is told of each kernel before they are put in order.
    """
    nodes = copy_overwritten(read_assigned(drop_empty(nodes)))
    nodes, hopes = shorten_filters(split_phases(exchange_sums(nodes)), constants=constants)
    items = order_kernels(fuse([node for node in nodes if not is_empty(node)], trace), note)
    return Scheduled(nodes, items, hopes)


def simplify_kernel(program: Node) -> Node:
    """Return a kernel that does the same, as directly as the passes know how to say it."""
    for simplify in KERNEL_PASSES:
        program = simplify(program)
    return program
