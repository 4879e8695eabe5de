"""Rules as equations, and the engine that applies them.

`pattern` has the variables and terms that equations are written with, `rule` the equation itself,
`passes` the named tuple of rules, `driver` the engine, `graph` rebuilding and substitution.
Imports only `tilegrad.base`, `tilegrad.ir` and `tilegrad.ops`. Enter at `rule` and `driver`.
"""

from tilegrad.rewrite.driver import rewrite
from tilegrad.rewrite.graph import broadcast_to, make, rebuild, substitute, transform
from tilegrad.rewrite.passes import Pass
from tilegrad.rewrite.rule import Match, Rule, RuleKind

__all__ = [
    "RuleKind",
    "Match",
    "Pass",
    "Rule",
    "broadcast_to",
    "make",
    "rebuild",
    "rewrite",
    "substitute",
    "transform",
]
