"""Evaluates a tensor graph op by op with the NumPy references: slow, obvious, the meaning of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, CompileError
from tilegrad.ir.node import Node, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ops.graph import ResultAttributes, call, result
from tilegrad.ops.leaves import SymbolAttributes, buffer, symbol
from tilegrad.ops.numerics import Array

Read = Callable[[Node], Array]
Interpret = Callable[[Node, Sequence[Array]], Sequence[Array]]


def evaluate(
    roots: Iterable[Node],
    read: Read,
    symbols: Mapping[str, int],
    interpret: Interpret | None = None,
) -> list[Array]:
    """Return the values of nodes as new arrays, laid out row by row.

    Every other value is dropped after its last use. Nothing is written: an ``assign`` gives its
    value, and the caller puts it where it belongs.

    Args:
        roots: the wanted nodes, of the tensor dialect.
        read: returns the contents of a ``buffer`` node, which are not changed.
        symbols: values of the symbolic sizes by name.
        interpret: runs the program of a ``call`` node on its sources and returns its results.

    Raises:
        ArgumentError: a symbol has no value, or one outside its bounds.
        CompileError: a call occurs and there is no interpreter, or an op's reference breaks its
            dtype or shape rule.
    """
    return _Evaluation(read, symbols, interpret).run(list(roots))


class _Evaluation:
    def __init__(self, read: Read, symbols: Mapping[str, int], interpret: Interpret | None) -> None:
        self.read, self.symbols, self.interpret = read, symbols, interpret
        self.sizes: dict[Node, int] = {}

    def run(self, roots: list[Node]) -> list[Array]:
        order = sort_topologically(roots)
        uses: dict[Node, int] = dict.fromkeys(order, 0)
        for node in (*roots, *(source for user in order for source in user.sources)):
            uses[node] += 1
        values: dict[Node, Any] = {}
        for node in order:
            values[node] = self._compute(node, [values[source] for source in node.sources])
            for source in node.sources:
                uses[source] -= 1
                if not uses[source]:
                    values.pop(source, None)
        return [values[root].copy(order="C") for root in roots]

    def _compute(self, node: Node, sources: list[Any]) -> Any:
        if node.op is call:
            return self._call(node, sources)
        if node.op is result:
            value = sources[0][attributes_of(node, ResultAttributes).index]
        elif node.op is buffer:
            value = self.read(node)
        elif node.op is symbol:
            value = self._symbol(attributes_of(node, SymbolAttributes))
        else:
            value = self._apply(node, sources)
        self._check(node, value)
        return value

    def _apply(self, node: Node, sources: list[Array]) -> Array:
        if node.op.reference is None:
            raise CompileError(f"the reference device cannot compute {node.op.name}", got=node)
        if node.op.attributes is None:
            return node.op.reference(*sources)
        return node.op.reference(*sources, self._resolve(node.attributes))

    def _call(self, node: Node, sources: list[Array]) -> Sequence[Array]:
        if self.interpret is None:
            raise CompileError(
                "the reference device was given no interpreter for hand-written kernels", got=node
            )
        return self.interpret(node, sources)

    def _symbol(self, attributes: SymbolAttributes) -> Array:
        name, minimum, maximum = attributes
        value = self.symbols.get(name)
        if value is None or not minimum <= value <= maximum:
            raise ArgumentError(
                f"the symbolic size {name} needs a value",
                got=value,
                expected=f"{minimum} to {maximum}",
            )
        return numpy.array(value, numpy.int64)

    def _resolve(self, value: Any) -> Any:
        """Replace the symbolic sizes in attributes by their values."""
        if isinstance(value, Node):
            return self._size(value)
        if not isinstance(value, tuple):
            return value
        items = [self._resolve(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)

    def _size(self, size: int | Node) -> int:
        if isinstance(size, int):
            return size
        if size not in self.sizes:
            self.sizes[size] = int(self.run([size])[0])
        return self.sizes[size]

    def _check(self, node: Node, value: Array) -> None:
        shape = tuple(self._size(size) for size in node.shape)
        if value.shape != shape or value.dtype != node.dtype.numpy:
            raise CompileError(
                f"the reference of {node.op.name} breaks the op's rule",
                got=f"{value.dtype}{value.shape}",
                expected=f"{node.dtype.numpy}{shape}",
            )
