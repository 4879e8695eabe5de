"""Blocks of an axis, one for each instance, become the axis again.

Where instance g does the places n·g + t for t < n, and both occur only in this sum, the kernel is
one over the axis of all places. So it is where blocks are moved back to end inside the axis, at
min(n·g, size − n) + t. Masks of stores that say where the axis ends vanish into its extent, and
those of loads with them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping

from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ops import arithmetic, bits, comparison, kernel, memory, symbolic
from tilegrad.ops.affine import Index, as_index, as_node, split_terms
from tilegrad.ops.kernel import Axes, find_free
from tilegrad.ops.leaves import is_true
from tilegrad.rewrite.graph import rebuild

MOST_WAYS = 24
"""So many ways in which results have their axes in common are tried."""


def join_blocks(root: Node) -> Node | None:
    """Return a kernel over whole axes, whose stores have no masks; None if there is none.

    Args:
        root: a kernel, whose stores may have masks. Axes of the grid are called i, those along the
            tiles of each store t.
    """
    ended = [_end_places(store) for store in root.sources]
    found = [_join_all(kernel.kernel(*stores)) for stores in _share_places(ended)]
    plain = [one for one in found if all(map(_is_plain, one.sources))]
    return min(plain, key=lambda one: len(_find_axes(one, "i")), default=None)


def _join_all(root: Node) -> Node:
    """Return a kernel with all blocks joined that can be, and its axes numbered in order."""
    for axis in _find_axes(root, "i"):
        root = _end(*_join(root, axis))
    axes = enumerate((*_find_axes(root, "i"), *_find_axes(root, "t")))
    return _put(root, {one: _make(f"i{number}", kernel.extent_of(one)) for number, one in axes})


def _find_axes(root: Node, kind: str) -> list[Node]:
    """Return the axes of stores of one kind, in the order of their names."""
    found = frozenset().union(*find_free(root).values())
    return sorted((one for one in found if kernel.name_of(one)[0] == kind), key=_number_of)


def _number_of(axis: Node) -> list[int]:
    return [int(part) for part in kernel.name_of(axis)[1:].split("x")]


def _make(name: str, extent: Index) -> Index:
    """Return the places of an axis, the only one if it has no others."""
    return 0 if extent == 1 else kernel.make_axis(name, extent)


def _share_places(stores: Iterable[Node]) -> Iterator[list[Node]]:
    """Yield stores over the places of the one with the most: each way in which they are its."""
    places = {store: _free_places(store) for store in stores}
    lead = max(places, key=lambda store: len(places[store]))
    ways = [
        [store]
        if store is lead
        else [
            _put(store, dict(zip(own, others, strict=True)))
            for others in itertools.permutations(places[lead], len(own))
            if list(map(kernel.extent_of, own)) == list(map(kernel.extent_of, others))
        ]
        for store, own in places.items()
    ]
    return map(list, itertools.islice(itertools.product(*ways), MOST_WAYS))


def _free_places(store: Node) -> list[Node]:
    free = find_free(store)[store]
    return sorted((axis for axis in free if kernel.name_of(axis)[0] == "t"), key=_number_of)


def _join(root: Node, block: Node) -> tuple[Node, Node]:
    """Return a kernel over all places of an axis whose blocks are instances, and this axis.

    Where there is none, nothing is changed.
    """
    for place in _find_axes(root, "t"):
        size = kernel.extent_of(place)
        for start, extent in _find_starts(root, block, size):
            whole = kernel.make_axis(kernel.name_of(block), extent)
            mapping = {place: symbolic.subtract(whole, start)}
            offsets = (store.sources[1] for store in root.sources)
            if any(block in find_free(put)[put] for put in (_put(one, mapping) for one in offsets)):
                continue  # most places are not those of the block, which offsets tell soonest
            joined = _put(root, mapping)
            if not any(block in axes for axes in find_free(joined).values()):
                return joined, whole
    return root, block


def _find_starts(root: Node, block: Node, size: Index) -> list[tuple[Index, Index]]:
    """Return where blocks of an axis may begin, each with the extent of all of them."""
    start = symbolic.multiply(block, size)
    most = symbolic.multiply(kernel.extent_of(block), size)
    found = [(start, most)]
    for node in sort_topologically([root]):
        if node.op is arithmetic.minimum and as_node(start) in node.sources:
            (last,) = (one for one in node.sources if one is not as_node(start))
            extent = symbolic.add(as_index(last), size)
            if _is_within(extent, most):
                found.append((node, extent))
    return found


def _end_places(store: Node) -> Node:
    """Return a store whose tile ends where it does not go on."""
    root = kernel.kernel(store)
    for axis in _find_axes(root, "t"):
        root = _end(root, axis)
    return root.sources[0]


def _end(root: Node, axis: Node) -> Node:
    """Return a kernel whose axis ends where no store goes on, if that is the same for all."""
    free = find_free(root)
    stores = [store for store in root.sources if axis in free[store]]
    limits = {_find_limit(store, axis, free) for store in stores}
    limit = limits.pop() if len(limits) == 1 else None
    if limit is None:
        return root
    return _put(root, {axis: _make(kernel.name_of(axis), as_index(limit))})


def _find_limit(store: Node, axis: Node, free: Mapping[Node, Axes]) -> Node | None:
    """Return below what the mask of a store keeps an axis, None if that is not known."""
    if len(store.sources) < 4:
        return None
    for condition in symbolic.split_conjunction(store.sources[3]):
        if condition.op is comparison.less and condition.sources[0] is axis:
            limit = condition.sources[1]
            if not free[limit] and _is_within(as_index(limit), kernel.extent_of(axis)):
                return limit
    return None


def _is_within(limit: Index, extent: Index) -> bool:
    """Whether an axis goes on to a limit at least: it may be the limit rounded up to blocks."""
    for atom, size in split_terms(extent)[0].items():
        if atom.op is arithmetic.floor_divide and as_index(atom.sources[1]) == size:
            blocks = symbolic.floor_divide(symbolic.add(limit, size - 1), size)
            return extent is symbolic.multiply(blocks, size)
    return symbolic.less_equal(limit, extent) is True


def _put(root: Node, mapping: Mapping[Node, Index]) -> Node:
    """Return an expression with axes replaced, and without the masks that always hold then."""
    done = {axis: as_node(index) for axis, index in mapping.items()}
    for node in sort_topologically([root]):
        if node not in done:
            done[node] = _drop_true(rebuild(node, tuple(done[source] for source in node.sources)))
    return done[root]


def _drop_true(node: Node) -> Node:
    if node.op is bits.bitwise_and and any(map(is_true, node.sources)):
        first, second = node.sources
        return second if is_true(first) else first
    if node.op is comparison.where and is_true(node.sources[0]):
        return node.sources[1]
    if node.op is memory.load and len(node.sources) == 3 and is_true(node.sources[2]):
        return memory.make_load(*node.sources[:2])
    if node.op is memory.store and len(node.sources) == 4 and is_true(node.sources[3]):
        return memory.make_store(*node.sources[:3])
    return node


def _is_plain(store: Node) -> bool:
    """Whether a store writes each element of some region once, without conditions."""
    free = find_free(store)[store]
    terms, _ = split_terms(as_index(store.sources[1]))
    if len(store.sources) != 3 or terms.keys() != free:
        return False
    reach: Index = 0
    for axis, stride in sorted(terms.items(), key=lambda item: abs(item[1])):
        if symbolic.less(reach, abs(stride)) is not True:
            return False
        length = symbolic.subtract(kernel.extent_of(axis), 1)
        reach = symbolic.add(reach, symbolic.multiply(length, abs(stride)))
    return True
