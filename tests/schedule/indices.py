"""The value of an index expression or a condition for given values of its atoms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy

from tilegrad.ir.node import Node, sort_topologically


def value_at(expression: int | bool | Node, values: Mapping[Node, int]) -> int:
    """Return the value by the references of the ops, which know nothing of normal forms."""
    if not isinstance(expression, Node):
        return int(expression)
    done: dict[Node, numpy.ndarray] = {
        atom: numpy.asarray(value, numpy.int64) for atom, value in values.items()
    }
    for node in sort_topologically([expression], is_leaf=values.__contains__):
        if node not in done:
            record = () if node.attributes is None else (node.attributes,)
            arrays = [done[source] for source in node.sources]
            done[node] = numpy.asarray(node.op.reference(*arrays, *record))  # type: ignore[misc]
    return int(done[expression])
