"""The passes that simplify."""

from __future__ import annotations

from tilegrad import ops
from tilegrad.rewrite.passes import Pass
from tilegrad.simplify.broadcast import BROADCAST
from tilegrad.simplify.constants import CONSTANTS
from tilegrad.simplify.conversion import CONVERSIONS
from tilegrad.simplify.graph import GRAPH
from tilegrad.simplify.identities import IDENTITIES
from tilegrad.simplify.logic import LOGIC
from tilegrad.simplify.movement import MOVEMENT
from tilegrad.simplify.reduction import REDUCTIONS
from tilegrad.simplify.relaxed import RELAXED
from tilegrad.simplify.reordering import REORDERING
from tilegrad.simplify.windows import WINDOWS

EXPRESSION_RULES = (*IDENTITIES, *LOGIC, *CONVERSIONS, *CONSTANTS)
TENSOR_RULES = (
    *EXPRESSION_RULES,
    *BROADCAST,
    *MOVEMENT,
    *REORDERING,
    *REDUCTIONS,
    *WINDOWS,
    *GRAPH,
)

simplify_expressions = Pass(
    "simplify_expressions",
    "Laws of elementwise ops, for the scalar expressions of kernels and the tiles of programs.",
    EXPRESSION_RULES,
)
simplify_tensor_graph = Pass(
    "simplify_tensor_graph",
    "Everything that leaves every bit of the results as it is. Runs before the schedule is made, "
    "after gradients have been taken.",
    TENSOR_RULES,
    ops.tensor,
    ops.tensor,
)
simplify_tensor_graph_freely = Pass(
    "simplify_tensor_graph_freely",
    "As simplify_tensor_graph, with the laws of real numbers that floats obey only nearly.",
    (*TENSOR_RULES, *RELAXED),
    ops.tensor,
    ops.tensor,
)
