"""The state of lowering one function: which tile has which vectors, and in which region."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tilegrad.base.errors import CompileError
from tilegrad.codegen.analysis import Analysis
from tilegrad.codegen.emitter import Emitter, is_constant_bool
from tilegrad.codegen.index import IndexForms
from tilegrad.codegen.layout import StaticShape, broadcast_map, count_vectors, static_shape
from tilegrad.codegen.target import CodegenTarget
from tilegrad.ir.node import Node
from tilegrad.ir.op import Op
from tilegrad.ops import leaves

if TYPE_CHECKING:
    from tilegrad.codegen.spread import Spread

Vectors = list[Node]
Handler = Callable[["Context", Node], Vectors]
Needs = Callable[[Node], tuple[Node, ...]]


@dataclass(slots=True)
class Context:
    """What the lowering of each op reads and extends.

    Attributes:
        target: the processor.
        lanes: lanes of a full vector.
        analysis: facts about the tile program.
        handlers: how each op is lowered to vectors.
        needs: for some ops, which of the sources must have vectors before; all by default.
        grid: size of each axis of the grid, as index nodes.
        emitter: where instructions go.
        forms: the forms of index tiles.
        spreads: how index tiles spread over vectors of a shape, where that is known entirely.
        values: the vectors of each tile that is known now; an effect that is done has none.
        loop_depths: depth of the region of each open loop, by number.
    """

    target: CodegenTarget
    lanes: int
    analysis: Analysis
    handlers: dict[Op, Handler]
    needs: dict[Op, Needs]
    grid: tuple[Node, ...]
    emitter: Emitter = field(default_factory=Emitter)
    forms: IndexForms = field(init=False)
    spreads: dict[tuple[Node, StaticShape], Spread] = field(default_factory=dict)
    values: dict[Node, Vectors] = field(default_factory=dict)
    loop_depths: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.forms = IndexForms(self.analysis.loops)

    def value(self, node: Node) -> Vectors:
        """Return the vectors of a tile, lowering whatever is missing for it."""
        found = self.values.get(node)
        if found is None:
            self._evaluate(node)
            found = self.values[node]
        return found

    def scalar(self, node: Node) -> Node:
        """Return the instruction for a tile of one element."""
        vectors = self.value(node)
        if len(vectors) != 1 or vectors[0].shape:
            raise CompileError("a single element was expected here", got=node)
        return vectors[0]

    def _evaluate(self, root: Node) -> None:
        values, handlers, height = self.values, self.handlers, self.analysis.height
        stack = [root]
        while stack:
            node = stack[-1]
            if node in values:
                stack.pop()
                continue
            needs = self.needs.get(node.op)
            sources = node.sources if needs is None else needs(node)
            missing = [source for source in sources if source not in values]
            if missing:
                # The longest chain first, so that what a short one loads is used at once.
                missing.sort(key=lambda source: height.get(source, 0))
                stack.extend(missing)
                continue
            stack.pop()
            handler = handlers.get(node.op)
            if handler is None:
                raise CompileError(
                    f"code generation knows no way to lower {node.op.name}", got=node
                )
            self.remember(node, handler(self, node))

    def remember(self, node: Node, vectors: Vectors) -> None:
        """Note the vectors of a tile, until the innermost region that they lie in closes."""
        depth = 0
        depth_of = self.emitter.depth_of
        for vector in vectors:
            found = depth_of.get(vector, 0)
            depth = max(depth, found)
        self.values[node] = vectors
        if depth:
            self.emitter.regions[depth].tiles.append(node)

    def remember_effect(self, node: Node) -> None:
        """Note that an effect has been performed in the innermost region."""
        self.values[node] = []
        self.emitter.regions[-1].tiles.append(node)

    def effect_depth(self, node: Node) -> int:
        """Return the depth of the region in which an effect was performed."""
        for depth in range(self.emitter.depth, -1, -1):
            if node in self.emitter.regions[depth].tiles:
                return depth
        raise CompileError("an effect is needed that has not been performed", got=node)

    def operands(self, source: Node, shape: StaticShape) -> Iterable[Node]:
        """Return the operand for each vector of a result of ``shape``, broadcasting the source.

        Splats are made as they are asked for, so that few of them occupy registers at a time.
        """
        if source.op is leaves.constant_op and shape:
            return itertools.repeat(source)
        return self._spread(source, shape)

    def broadcast(self, source: Node, shape: StaticShape) -> Vectors:
        """Return the vectors of a source broadcast to ``shape``, constants spelt out."""
        return list(self._spread(source, shape))

    def masks(self, mask: Node | None, shape: StaticShape) -> list[Node | None]:
        """Return the mask of each vector of an access; None where it holds in all lanes."""
        if mask is None:
            return [None] * count_vectors(shape, self.lanes)
        vectors = self.broadcast(mask, shape)
        return [None if is_constant_bool(vector, True) else vector for vector in vectors]

    def _spread(self, source: Node, shape: StaticShape) -> Iterable[Node]:
        vectors = self.value(source)
        own = static_shape(source)
        if own == shape:
            return vectors
        splat = self.emitter.splat
        return (
            splat(vectors[number], width) if width else vectors[number]
            for number, width in broadcast_map(own, shape, self.lanes)
        )
