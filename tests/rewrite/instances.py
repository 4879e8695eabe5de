"""Random instances of the left sides of rules: what lets a rule be tested by itself.

Variables become tensors (of shapes that broadcast together) and constants of one dtype of the law,
attribute variables become records that fit, and families become one of their ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy
from hypothesis import strategies as st

from tests.rewrite.attributes import draw_attributes
from tests.rewrite.values import MODERATE, random_array, special_values
from tilegrad.ir.dtype import DType, dtypes
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import arithmetic
from tilegrad.ops.comparison import where
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer, constant, constant_op
from tilegrad.ops.movement import expand, expand_to, reshape, reshape_to
from tilegrad.ops.random import threefry
from tilegrad.rewrite.pattern import (
    Apply,
    AttributeVariable,
    DTypeClass,
    Family,
    Literal,
    Term,
    Variable,
)
from tilegrad.rewrite.rule import Rule, RuleKind

DIVISIONS = (arithmetic.floor_divide, arithmetic.modulo)
"""On indices their algebra takes positive divisors for granted; it has tests of its own."""

SHAPES = ((7,), (5, 6), (4, 1, 8), (1, 9), (3, 4, 5), (0, 3), (1, 1), (40,))


class Instance:
    """Draws one instance of a rule's left side.

    Attributes:
        node: the instance.
        arrays: contents of its buffers.
    """

    def __init__(
        self,
        rule: Rule,
        draw: Callable[[st.SearchStrategy], object],
        choose_dtype: Callable[[Instance, DTypeClass], DType],
        make: Callable[[Instance], Node] | None = None,
    ) -> None:
        self.rule, self.draw, self._choose_dtype = rule, draw, choose_dtype
        self.is_moderate = rule.kind is RuleKind.RELAXED
        self.generator = numpy.random.default_rng(draw(st.integers(0, 1 << 32)))
        self.shape = draw(st.sampled_from(SHAPES))
        self.arrays: dict[Node, numpy.ndarray] = {}
        self._bound: dict[object, object] = {}
        self._dtypes: dict[DTypeClass, DType] = {}
        left = rule.left
        if make is not None:
            self.node = make(self)
        else:
            self.node = self._family(left) if isinstance(left, Family) else self.build(left, None)

    def read(self, node: Node) -> numpy.ndarray:
        """Return the contents of a buffer."""
        return self.arrays[node]

    def dtype_of(self, allowed: DTypeClass) -> DType:
        """Return the one dtype that variables of a class have in this instance."""
        if allowed not in self._dtypes:
            self._dtypes[allowed] = self._choose_dtype(self, allowed)
        return self._dtypes[allowed]

    def leaf(self, dtype: DType, shape: tuple[int, ...]) -> Node:
        """Return a buffer with random contents."""
        storage = Storage("reference", dtype, math.prod(shape))
        node = buffer(attributes=BufferAttributes(storage, shape, 0))
        self.arrays[node] = random_array(self.generator, dtype, shape, self.is_moderate)
        return node

    def constant(self, dtype: DType) -> Node:
        """Return a random constant, often a special one."""
        if self.is_moderate and dtype.is_float:
            return constant(self.draw(st.sampled_from(MODERATE)), dtype)
        if self.draw(st.integers(0, 2)) == 0:
            limits = (dtype.minimum, dtype.maximum) if dtype is not dtypes.index else (1, 4)
            return constant(self.draw(st.sampled_from(limits)), dtype)
        return constant(self.draw(st.sampled_from(special_values(dtype))), dtype)

    def small_shape(self) -> tuple[int, ...]:
        """Return a shape that broadcasts to the instance's: some sizes are 1, or it is ()."""
        style = self.draw(st.integers(0, 9))
        if style == 0:
            return ()
        kept = [style < 6 or self.draw(st.booleans()) for _ in self.shape]
        return tuple(size if keep else 1 for keep, size in zip(kept, self.shape, strict=True))

    def build(self, term: Term, dtype: DType | None) -> Node:
        """Return an instance of a term; literals have the given dtype."""
        if isinstance(term, Literal):
            return constant(term.value, dtype or self.dtype_of(self.rule.kind.dtypes))
        if isinstance(term, Variable):
            if term not in self._bound:
                own = self.dtype_of(self.rule.class_of(term))
                self._bound[term] = self.constant(own) if term.is_constant else self._variable(own)
            return self._bound[term]
        assert isinstance(term, Apply)
        return self._apply(term)

    def _variable(self, dtype: DType) -> Node:
        return self.leaf(dtype, self.small_shape() if self._broadcasts() else self.shape)

    def _broadcasts(self) -> bool:
        """Whether variables may be smaller than the instance: not below movements."""
        return not _has_attributes_of_shape(self.rule.left)

    def _apply(self, term: Apply) -> Node:
        sources: list[Node] = [None] * len(term.sources)
        places = sorted(range(len(sources)), key=lambda i: isinstance(term.sources[i], Literal))
        dtype = dtypes.bool if isinstance(term.sources[places[0]], Literal) else None
        for place in places:
            is_condition = term.op is where and place == 0
            wanted = dtypes.bool if is_condition else dtype
            sources[place] = self.build(term.sources[place], wanted)
            dtype = dtype if is_condition else sources[place].dtype
        return term.op(*sources, attributes=self._attributes(term, tuple(sources)))

    def _attributes(self, term: Apply, sources: tuple[Node, ...]) -> object:
        if term.op.attributes is None:
            return None
        variable = term.attributes
        if variable is not None and not isinstance(variable, AttributeVariable):
            return variable
        if variable is None or variable not in self._bound:
            record = draw_attributes(self.draw, term.op, sources)
            if variable is None:
                return record
            self._bound[variable] = record
        return self._bound[variable]

    def _family(self, family: Family) -> Node:
        op = self.draw(st.sampled_from(family.ops))
        count = op.arity if op.arity is not None else self.draw(st.integers(1, 3))
        dtype = self.dtype_of(self.rule.kind.dtypes)
        dtype = dtypes.int64 if dtype is dtypes.index and op in DIVISIONS else dtype
        place = self.draw(st.integers(0, count - 1))
        sources = []
        for i in range(count):
            own = _dtype_at(op, i, dtype)
            if family.every:
                made = self._source(self.draw(st.sampled_from(family.every)), own)
            elif family.some and i == place:
                made = self._source(self.draw(st.sampled_from(family.some)), own)
            else:
                made = self.leaf(own, self.shape)
            sources.append(made)
        return op(*sources, attributes=draw_attributes(self.draw, op, tuple(sources)))

    def _source(self, op: Op, dtype: DType) -> Node:
        """Return a source with a given op; constants also spread out, as `filled` does."""
        if op is constant_op:
            return self.constant(dtype)
        style = self.draw(st.integers(0, 2))
        if op in (expand, reshape) and style == 0:
            shape = self.shape if op is expand else (1,) * len(self.shape)
            return _spread(self.constant(dtype), shape)
        if op is expand:
            return expand_to(
                self.leaf(dtype, self.small_shape() or (1,) * len(self.shape)), self.shape
            )
        if op is reshape and style == 1:
            return reshape_to(self.leaf(dtype, ()), (1,) * len(self.shape))
        sources = tuple(self.leaf(dtype, self.shape) for _ in range(op.arity or 2))
        return op(*sources, attributes=draw_attributes(self.draw, op, sources))


def _spread(value: Node, shape: tuple[int, ...]) -> Node:
    return expand_to(reshape_to(value, (1,) * len(shape)), shape)


def _dtype_at(op: Op, place: int, dtype: DType) -> DType:
    if op is threefry:
        return dtypes.uint64
    return dtypes.bool if op is where and place == 0 else dtype


def _has_attributes_of_shape(term: Term) -> bool:
    """Whether a movement occurs, whose attributes must fit its source."""
    if not isinstance(term, Apply):
        return False
    names = ("cast", "bitcast")
    is_movement = term.op.attributes is not None and term.op.name not in names
    return is_movement or any(map(_has_attributes_of_shape, term.sources))
