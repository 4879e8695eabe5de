"""Algebra: the laws by which graphs and expressions are made simpler, as rules for the engine.

Each module has the laws of one kind of op, each law a rule with its name, tested by evaluating both
sides. Index arithmetic is not here: its algebra normalises it as it is built (``ops.symbolic``).
Imports only ``tilegrad.rewrite`` and what lies below it. Enter at ``passes``. In its order:

* Laws of expressions: ``identities``, ``logic``, ``conversion`` and ``constants``; ``guards`` are
  conditions on what they match.
* Laws of tensors besides: ``broadcast``, ``movement`` and ``reordering``, ``reduction``,
  ``windows``, ``graph``.
* Laws of real numbers that floats obey only nearly are ``relaxed``.
"""

from tilegrad.simplify.passes import (
    simplify_expressions,
    simplify_tensor_graph,
    simplify_tensor_graph_freely,
)

__all__ = ["simplify_expressions", "simplify_tensor_graph", "simplify_tensor_graph_freely"]
