"""Makes the page of the rules: every law that simplification uses, from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator

from tilegrad.rewrite.pattern import Variable, walk
from tilegrad.rewrite.rule import Rule, RuleKind
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

INTRODUCTION = """\
# Rules

The laws by which graphs are simplified, each used from left to right wherever its left side occurs.
Variables stand for tensors that broadcast together (`c`, `d`, `k` and `b` for constants, capital
letters for attributes), in the dtypes of the last column (any: all that the ops take). A test
evaluates both sides of each rule on random tensors with NaN, infinities, signed zeros and extreme
values, and compares every bit (all NaNs count as one; of -0 and +0 a maximum or minimum may give
either). Rules that are relaxed hold for real numbers but only nearly for floats, and are off unless
they are asked for."""

GROUPS: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("Arithmetic", IDENTITIES),
    ("Bits, comparisons and choices", LOGIC),
    ("Conversions", CONVERSIONS),
    ("Constants", CONSTANTS),
    ("Broadcasting", BROADCAST),
    ("Movement", MOVEMENT),
    ("Movements that change places", REORDERING),
    ("Reductions", REDUCTIONS),
    ("Graph", GRAPH),
    ("Relaxed", RELAXED),
)


def describe_rules() -> Iterator[str]:
    """Yield the lines of the page of the rules."""
    yield INTRODUCTION
    for title, rules in GROUPS:
        yield ""
        yield f"## {title}"
        yield ""
        yield "| rule | law | in |"
        yield "| --- | --- | --- |"
        for rule in rules:
            yield f"| `{rule.name}` | {_law(rule)} | {_dtypes(rule)} |"


def _law(rule: Rule) -> str:
    """Return the law; the equation as code where it stands alone."""
    text = rule.statement.replace("|", "\\|")
    return text if rule.law else f"`{text}`"


def _dtypes(rule: Rule) -> str:
    """Return the classes of the variables that are limited, or of the law."""
    found = {rule.class_of(term).name for term in walk(rule.left) if isinstance(term, Variable)}
    names = sorted(found or {rule.kind.dtypes.name})
    tolerance = f", within {rule.tolerance} ulp" if rule.kind is RuleKind.RELAXED else ""
    return ", ".join(names) + tolerance
