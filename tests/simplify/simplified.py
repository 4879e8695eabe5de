"""What the tests of single laws share."""

from __future__ import annotations

from tests.rewrite.graphs import SILENT
from tilegrad.ir.node import Node
from tilegrad.rewrite import rewrite
from tilegrad.simplify import simplify_tensor_graph


def simplify(node: Node) -> Node:
    """Return a node simplified by all exact rules."""
    return rewrite([node], simplify_tensor_graph, SILENT)[0]
