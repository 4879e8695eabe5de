"""Trees: values nested in tuples, lists and dictionaries, flattened to their leaves and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

Tree = object
"""A leaf, or a tuple (named ones too), list or dictionary of trees."""


def flatten(tree: Tree) -> list[object]:
    """Return the leaves: in order, those of a dictionary in the order of its items."""
    leaves: list[object] = []
    _gather((tree,), leaves)
    return leaves


def _gather(trees: Iterable[Tree], leaves: list[object]) -> None:
    for tree in trees:
        if isinstance(tree, (tuple, list)):
            _gather(tree, leaves)
        elif isinstance(tree, dict):
            _gather(tree.values(), leaves)
        else:
            leaves.append(tree)


def rebuild(tree: Tree, leaves: Sequence[object]) -> Tree:
    """Return a tree of the same form with other leaves, given in the order of ``flatten``."""
    return _rebuild(tree, iter(leaves))


def map_leaves(function: Callable[[object], object], tree: Tree) -> Tree:
    """Return a tree of the same form with a function applied to each leaf."""
    return rebuild(tree, [function(leaf) for leaf in flatten(tree)])


def _rebuild(tree: Tree, leaves: Iterator[object]) -> Tree:
    if isinstance(tree, dict):
        return {key: _rebuild(value, leaves) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_rebuild(value, leaves) for value in tree]
    if isinstance(tree, tuple):
        parts = [_rebuild(value, leaves) for value in tree]
        make = getattr(type(tree), "_make", tuple)
        return make(parts)
    return next(leaves)
