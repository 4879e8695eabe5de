"""Algebra: the laws by which graphs and expressions are made simpler, as rules for the engine.

Each module has the laws of one kind of op, each law a rule with its name, tested by evaluating both
sides. Index arithmetic is not here: its algebra normalises it as it is built (`ops.symbolic`).
Imports only `tilegrad.rewrite` and what lies below it. Enter at `passes`.
"""

from tilegrad.simplify.passes import (
    simplify_expressions,
    simplify_tensor_graph,
    simplify_tensor_graph_freely,
)

__all__ = ["simplify_expressions", "simplify_tensor_graph", "simplify_tensor_graph_freely"]
