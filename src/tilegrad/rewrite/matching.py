"""Rules compiled to functions: one matcher for each order of the sources of commutative ops.

Nothing here backtracks: a left side with n commutative ops becomes up to 2ⁿ variants, each of which
is a chain of closures that runs straight down.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tilegrad.base.errors import ArgumentError
from tilegrad.ir.dtype import DType
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op, Property
from tilegrad.ops.leaves import constant, constant_op, value_of
from tilegrad.rewrite.graph import make
from tilegrad.rewrite.pattern import (
    Apply,
    AttributeVariable,
    Family,
    Literal,
    Number,
    Term,
    Variable,
)
from tilegrad.rewrite.rule import Builder, Match, Rule, RuleKind, symbols_of

Values: TypeAlias = list[object]
Matcher: TypeAlias = Callable[[Node, Values], bool]
Constructor: TypeAlias = Callable[[Values, DType], Node]
Attempt: TypeAlias = Callable[[Node], Node | None]
SourceTest: TypeAlias = Callable[[tuple[Op, ...]], bool]


@dataclass(frozen=True, eq=False, slots=True)
class Variant:
    """One way to try a rule at a node.

    Attributes:
        rule: the rule.
        accepts: whether the ops of the node's sources can match at all.
        attempt: returns the replacement of a node, or None if the rule does not apply.
    """

    rule: Rule
    accepts: SourceTest
    attempt: Attempt


@functools.cache
def compile_rule(rule: Rule) -> tuple[Variant, ...]:
    """Return the variants of a rule."""
    left = rule.left
    slots = {symbol: slot for slot, symbol in enumerate(symbols_of(left))}
    build = _compile_right(rule, slots)
    if isinstance(left, Family):
        attempt = _compile_attempt(rule, slots, None, build)
        return (Variant(rule, _family_test(left), attempt),)
    variants = []
    for order in _orders(left):
        matcher = _compile_term(order, rule, slots, set())
        attempt = _compile_attempt(rule, slots, matcher, build)
        variants.append(Variant(rule, _source_test(order), attempt))
    return tuple(variants)


def _compile_attempt(
    rule: Rule,
    slots: Mapping[object, int],
    matcher: Matcher | None,
    build: Constructor | Builder,
) -> Attempt:
    empty: Values = [None] * len(slots)
    guard, computes = rule.guard, not isinstance(rule.right, Term)
    is_bool_only = rule.kind is RuleKind.BOOLEAN  # its literals would match numbers too

    def attempt(node: Node) -> Node | None:
        if is_bool_only and not node.dtype.is_boolean:
            return None
        values = empty.copy()
        if matcher is not None and not matcher(node, values):
            return None
        if guard is not None and not guard(Match(node, slots, values)):
            return None
        if computes:
            return build(Match(node, slots, values))  # type: ignore[call-arg]
        return build(values, node.dtype)  # type: ignore[call-arg]

    return attempt


def _orders(term: Apply) -> Iterator[Apply]:
    """Yield a term with the sources of its commutative ops in every order."""
    choices = [
        list(_orders(source)) if isinstance(source, Apply) else [source] for source in term.sources
    ]
    orders = list(itertools.product(*choices))
    for sources in orders:
        yield Apply(term.op, sources, term.attributes)
    if term.op.has(Property.COMMUTATIVE) and term.sources[0] is not term.sources[1]:
        for first, second in orders:
            yield Apply(term.op, (second, first), term.attributes)


def _source_test(term: Apply) -> SourceTest:
    allowed = [_possible_op(source) for source in term.sources]
    if term.op.arity is None:
        return lambda _: True
    return lambda ops: all(
        wanted is None or wanted is op for wanted, op in zip(allowed, ops, strict=True)
    )


def _possible_op(term: Term) -> Op | None:
    if isinstance(term, Apply):
        return term.op
    if isinstance(term, Literal) or (isinstance(term, Variable) and term.is_constant):
        return constant_op
    return None


def _family_test(family: Family) -> SourceTest:
    some, every = frozenset(family.some), frozenset(family.every)

    def accepts(ops: tuple[Op, ...]) -> bool:
        return (not some or not some.isdisjoint(ops)) and (not every or every.issuperset(ops))

    return accepts


def _compile_term(
    term: Term, rule: Rule, slots: Mapping[object, int], bound: set[object]
) -> Matcher:
    if isinstance(term, Variable):
        return _compile_variable(term, rule, slots[term], bound)
    if isinstance(term, Literal):
        return _compile_literal(term.value)
    if not isinstance(term, Apply):
        raise ArgumentError(f"rule {rule.name}: a family can only be the whole left side", got=term)
    sources = [_compile_term(source, rule, slots, bound) for source in term.sources]
    return _compile_apply(term, sources, slots, bound)


def _compile_variable(variable: Variable, rule: Rule, slot: int, bound: set[object]) -> Matcher:
    if variable in bound:
        return lambda node, values: values[slot] is node
    bound.add(variable)
    allowed = rule.class_of(variable).members

    def match_any(node: Node, values: Values) -> bool:
        values[slot] = node
        return node.dtype in allowed

    def match_constant(node: Node, values: Values) -> bool:
        values[slot] = node
        return node.op is constant_op and node.dtype in allowed

    return match_constant if variable.is_constant else match_any


def _compile_literal(value: Number) -> Matcher:
    nodes: dict[DType, Node | None] = {}

    def match_literal(node: Node, _: Values) -> bool:
        if node.op is not constant_op:
            return False
        dtype = node.dtype
        if dtype not in nodes:
            nodes[dtype] = literal_node(value, dtype)
        return node is nodes[dtype]

    return match_literal


def literal_node(value: Number, dtype: DType) -> Node | None:
    """Return the constant with this value, or None if the dtype cannot hold it."""
    if dtype.is_boolean and value not in (0, 1):
        return None
    if not dtype.is_float and (not dtype.minimum <= value <= dtype.maximum or value != int(value)):
        return None
    node = constant(value, dtype)
    return node if value_of(node) == value else None


def _compile_apply(
    term: Apply, sources: list[Matcher], slots: Mapping[object, int], bound: set[object]
) -> Matcher:
    op, attributes = term.op, term.attributes
    matcher = _match_sources(op, sources)
    if attributes is None:
        return matcher
    if not isinstance(attributes, AttributeVariable):
        return lambda node, values: node.attributes == attributes and matcher(node, values)
    slot = slots[attributes]
    if attributes in bound:
        return lambda node, values: matcher(node, values) and values[slot] == node.attributes
    bound.add(attributes)

    def match_attributes(node: Node, values: Values) -> bool:
        values[slot] = node.attributes
        return matcher(node, values)

    return match_attributes


def _match_sources(op: Op, sources: list[Matcher]) -> Matcher:
    is_variadic = op.arity is None
    if len(sources) == 1 and not is_variadic:
        (only,) = sources
        return lambda node, values: node.op is op and only(node.sources[0], values)
    if len(sources) == 2 and not is_variadic:
        first, second = sources

        def match_two(node: Node, values: Values) -> bool:
            if node.op is not op:
                return False
            left, right = node.sources
            return first(left, values) and second(right, values)

        return match_two

    def match_all(node: Node, values: Values) -> bool:
        return (
            node.op is op
            and len(node.sources) == len(sources)
            and all(
                matcher(source, values)
                for matcher, source in zip(sources, node.sources, strict=True)
            )
        )

    return match_all


def _compile_right(rule: Rule, slots: Mapping[object, int]) -> Constructor | Builder:
    if not isinstance(rule.right, Term):
        return rule.right  # type: ignore[return-value]
    return _compile_constructor(rule.right, rule, slots)


def _compile_constructor(term: Term, rule: Rule, slots: Mapping[object, int]) -> Constructor:
    if isinstance(term, Variable):
        slot = slots[term]
        return lambda values, _: values[slot]  # type: ignore[return-value]
    if isinstance(term, Literal):
        return _construct_literal(rule, term.value)
    if not isinstance(term, Apply):
        raise ArgumentError(f"rule {rule.name}: the right side must be an expression", got=term)
    return _construct_apply(term, rule, slots)


def _construct_literal(rule: Rule, value: Number) -> Constructor:
    def construct(_: Values, dtype: DType) -> Node:
        node = literal_node(value, dtype)
        if node is None:
            raise ArgumentError(f"rule {rule.name}: {dtype.name} cannot hold {value}")
        return node

    return construct


def _construct_apply(term: Apply, rule: Rule, slots: Mapping[object, int]) -> Constructor:
    """A literal takes the dtype of the nearest operand before or after it that has one."""
    op, attributes = term.op, term.attributes
    slot = slots[attributes] if isinstance(attributes, AttributeVariable) else None
    order = sorted(range(len(term.sources)), key=lambda i: isinstance(term.sources[i], Literal))
    if isinstance(term.sources[order[0]], Literal):
        raise ArgumentError(f"rule {rule.name}: nothing gives the literals of {term} a dtype")
    parts = [(i, _compile_constructor(term.sources[i], rule, slots)) for i in order]

    def construct(values: Values, dtype: DType) -> Node:
        sources: list[Node] = [None] * len(parts)  # type: ignore[list-item]
        for place, build in parts:
            node = build(values, dtype)
            sources[place] = node
            dtype = node.dtype
        return make(op, tuple(sources), attributes if slot is None else values[slot])

    return construct
