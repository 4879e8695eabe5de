"""Rules as equations, and the engine that applies them.

Imports only ``tilegrad.base``, ``tilegrad.ir`` and ``tilegrad.ops``. Enter at ``rule`` and
``driver``. In reading order: ``pattern`` has the variables and terms that equations are written
with, ``rule`` is the equation, ``matching`` makes functions of it, ``passes`` are named tuples of
rules, and ``driver`` applies them, telling of it by ``describe``. ``graph`` makes nodes again:
over other sources, by substitution, all of a graph.
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
