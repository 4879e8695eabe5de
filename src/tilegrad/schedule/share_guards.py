"""Each factor of a product is guarded by what its own place depends on.

Guards of padding and of windows reach both factors of a product, though one zero is enough. A
factor that is zeroed by a condition on other axes than its own depends on these axes too: it could
not be loaded once for all of them. So of two loads that are multiplied, each drops the conditions
that are about other axes than its own and that the other one keeps, as long as what is left still
keeps it inside its buffer. (The other factor is taken to be finite there, as in every convolution.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, comparison, kernel, memory, symbolic
from tilegrad.ops.affine import Index, as_index, split_terms
from tilegrad.ops.bounds import bounds
from tilegrad.rewrite.graph import substitute, transform
from tilegrad.schedule.axes import Axes, FreeAxes

MOST_FACTORS = 32
"""A longer product is not taken apart further: a power shares its factors, and has very many."""


def share_guards(program: Node) -> Node:
    """Return a kernel in which factors of products are guarded by conditions on their own axes."""
    free = FreeAxes()
    order = sort_topologically([program])
    if not any(node.op is memory.load and len(node.sources) > 2 for node in order):
        return program
    inner = {
        source
        for node in order
        if node.op is arithmetic.multiply
        for source in node.sources
        if source.op is arithmetic.multiply
    }

    def share(node: Node, new: Node) -> Node:
        is_product = node.op is arithmetic.multiply and node not in inner
        return _share(new, free) if is_product else new

    return transform([program], share)[0]


def _share(product: Node, free: FreeAxes) -> Node:
    factors = _factors(product)
    keepers = {
        factor: {one for one in _conditions(factor) if free.of(one) <= free.of(factor.sources[1])}
        for factor in factors
        if factor.op is memory.load
    }
    changes: dict[Node, Node] = {}
    for factor in factors:
        loads = [
            node
            for node in sort_topologically([factor], is_leaf=lambda node: node.op is memory.load)
            if node.op is memory.load
        ]
        own = free.of_all([load.sources[1] for load in loads])
        kept = {one for other, some in keepers.items() if other is not factor for one in some}
        for load in loads:
            dropped = [one for one in _conditions(load) if one in kept and not free.of(one) <= own]
            changes[load] = _drop(load, dropped, own)
    changes = {load: new for load, new in changes.items() if new is not load}
    return substitute([product], changes)[0] if changes else product


def _factors(product: Node) -> list[Node]:
    result: list[Node] = []
    stack = [product]
    while stack:
        node = stack.pop()
        if node.op is arithmetic.multiply and len(result) + len(stack) < MOST_FACTORS:
            stack.extend(node.sources)
        else:
            result.append(node)
    return result


def _conditions(load: Node) -> list[Node]:
    """Return the conditions that a load is guarded by."""
    return [one for guard in load.sources[2:] for one in symbolic.split_conjunction(guard)]


def _drop(load: Node, dropped: list[Node], own: Axes) -> Node:
    """Return a load without some conditions, if those can hold wherever the others do."""
    if not dropped or not _can_all_hold(dropped, own):
        return load
    pointer, offset, _ = load.sources
    kept = [one for one in _conditions(load) if one not in dropped]
    mask = symbolic.logical_and(True, *kept)
    return memory.make_load(pointer, offset, symbolic.as_mask(mask))


class _Limits(NamedTuple):
    """What conditions say of one axis: it is at least ``lowest`` and at most ``highest``."""

    lowest: list[Index]
    highest: list[Index]


def _can_all_hold(conditions: list[Node], own: Axes) -> bool:
    """Whether some values of the other axes fulfil all conditions, for all values of ``own``."""
    free = FreeAxes()
    limits: dict[Node, _Limits] = {}
    for condition in conditions:
        others = free.of(condition) - own
        if condition.op is not comparison.less or len(others) != 1:
            return False
        (axis,) = others
        low, high = (as_index(source) for source in condition.sources)
        terms, known = split_terms(symbolic.subtract(high, low))  # this is positive
        slope = terms.pop(axis, 0)
        if slope not in (1, -1) or any(axis in free.of(atom) for atom in terms):
            return False
        rest = symbolic.add(known, *(symbolic.multiply(atom, by) for atom, by in terms.items()))
        found = limits.setdefault(
            axis, _Limits([0], [symbolic.subtract(kernel.extent_of(axis), 1)])
        )
        if slope == 1:
            found.lowest.append(symbolic.subtract(1, rest))
        else:
            found.highest.append(symbolic.subtract(rest, 1))
    return _are_open(limits)


def _are_open(limits: Mapping[Node, _Limits]) -> bool:
    return all(
        bounds(symbolic.subtract(high, low))[0] >= 0
        for found in limits.values()
        for low in found.lowest
        for high in found.highest
    )
