"""The interned, immutable node that every stage of the compiler speaks.

A tensor expression, a fused kernel, a tile program and a linear program are all made of nodes:
``op``, ``sources`` and ``attributes``. ``dtype`` and ``shape`` follow from these by the op's rule.
Equal nodes are the same object, so comparison is identity and common subexpressions are shared by
construction. A scalar has shape ``()``.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from tilegrad.ir.dtype import DType
    from tilegrad.ir.op import Op


class Operators(Protocol):
    """What Python's operators do on nodes; ``tilegrad.ops`` provides it."""

    def binary(self, name: str, left: object, right: object) -> Node:
        """Apply the binary op called ``name``; plain numbers take the other operand's dtype."""
        ...

    def unary(self, name: str, operand: Node) -> Node:
        """Apply the unary op called ``name``."""
        ...


class Node:
    """One operation and its result. Make nodes by calling an ``Op``, never directly.

    Attributes:
        op: the operation.
        dtype: dtype of the result.
        shape: sizes of the result, each an int or an index node (a symbolic size).
        sources: operands.
        attributes: the op's typed record of constants, or None.
    """

    __slots__ = (
        "__weakref__",
        "attributes",
        "cached_bounds",
        "cached_digest",
        "cached_order",
        "dtype",
        "op",
        "shape",
        "sources",
    )
    operators: ClassVar[Operators]

    op: Op
    dtype: DType
    shape: tuple[int | Node, ...]
    sources: tuple[Node, ...]
    attributes: Hashable
    cached_bounds: tuple[float, float] | None
    """Memo of ``ops.bounds.bounds``, a pure function of the node."""
    cached_digest: str | None
    """Memo of ``ir.digest.digest``, a pure function of the node."""
    cached_order: tuple[bool, str] | None
    """Memo of ``ops.affine.order_key``, a pure function of the node."""

    def __repr__(self) -> str:
        shape = ", ".join(str(size) for size in self.shape)
        return f"<{self.op.name} {self.dtype.name}[{shape}]>"

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return intern, (self.op, self.sources, self.attributes)

    def __add__(self, other: object) -> Node:
        return Node.operators.binary("add", self, other)

    def __radd__(self, other: object) -> Node:
        return Node.operators.binary("add", other, self)

    def __sub__(self, other: object) -> Node:
        return Node.operators.binary("subtract", self, other)

    def __rsub__(self, other: object) -> Node:
        return Node.operators.binary("subtract", other, self)

    def __mul__(self, other: object) -> Node:
        return Node.operators.binary("multiply", self, other)

    def __rmul__(self, other: object) -> Node:
        return Node.operators.binary("multiply", other, self)

    def __truediv__(self, other: object) -> Node:
        return Node.operators.binary("divide", self, other)

    def __rtruediv__(self, other: object) -> Node:
        return Node.operators.binary("divide", other, self)

    def __floordiv__(self, other: object) -> Node:
        return Node.operators.binary("floor_divide", self, other)

    def __rfloordiv__(self, other: object) -> Node:
        return Node.operators.binary("floor_divide", other, self)

    def __mod__(self, other: object) -> Node:
        return Node.operators.binary("modulo", self, other)

    def __rmod__(self, other: object) -> Node:
        return Node.operators.binary("modulo", other, self)

    def __and__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_and", self, other)

    def __rand__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_and", other, self)

    def __or__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_or", self, other)

    def __ror__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_or", other, self)

    def __xor__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_xor", self, other)

    def __rxor__(self, other: object) -> Node:
        return Node.operators.binary("bitwise_xor", other, self)

    def __lshift__(self, other: object) -> Node:
        return Node.operators.binary("shift_left", self, other)

    def __rshift__(self, other: object) -> Node:
        return Node.operators.binary("shift_right", self, other)

    def __lt__(self, other: object) -> Node:
        return Node.operators.binary("less", self, other)

    def __le__(self, other: object) -> Node:
        return Node.operators.binary("less_equal", self, other)

    def __gt__(self, other: object) -> Node:
        return Node.operators.binary("less", other, self)

    def __ge__(self, other: object) -> Node:
        return Node.operators.binary("less_equal", other, self)

    def __neg__(self) -> Node:
        return Node.operators.unary("negate", self)

    def __invert__(self) -> Node:
        return Node.operators.unary("bitwise_not", self)


class _Reference(weakref.ref["Node"]):
    __slots__ = ("key",)
    key: tuple[object, ...]


_table: dict[tuple[object, ...], _Reference] = {}
_lock = threading.RLock()  # a finaliser that makes nodes may run while it is held


def _renew_lock() -> None:
    """Free the lock in the child of a fork, where the thread that held it does not exist."""
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_lock)


def _forget(reference: weakref.ref[Node]) -> None:
    key = reference.key  # type: ignore[attr-defined]
    with _lock:  # others only add meanwhile, where there is nothing
        if _table.get(key) is reference:
            del _table[key]


def intern(op: Op, sources: tuple[Node, ...] = (), attributes: Hashable = None) -> Node:
    """Return the one node with this op, sources and attributes, making it if there is none.

    Raises:
        TilegradError: the op's rule refuses these sources or attributes.
    """
    key = (op, sources, attributes)
    reference = _table.get(key)
    if reference is not None and (found := reference()) is not None:
        return found
    dtype, shape = op.infer(sources, attributes)
    node = object.__new__(Node)
    node.op = op
    node.dtype = dtype
    node.shape = shape
    node.sources = sources
    node.attributes = attributes
    node.cached_bounds = None
    node.cached_digest = None
    node.cached_order = None
    reference = _Reference(node, _forget)
    reference.key = key
    while (present := _table.setdefault(key, reference)) is not reference:
        if (found := present()) is not None:  # another thread was faster
            return found
        _forget(present)
    return node


def sort_topologically(
    roots: Iterable[Node], is_leaf: Callable[[Node], bool] | None = None
) -> list[Node]:
    """Return every node reachable from ``roots``, sources before users, each once.

    Iterative, so that a chain of any length is fine. The order depends only on the graph.

    Args:
        roots: where to start.
        is_leaf: nodes for which this is true are listed, but their sources are not visited.
    """
    order: dict[Node, None] = {}
    # What is open: a node, and those of its sources that have not been looked at.
    stack: list[tuple[Node | None, Iterator[Node]]] = [(None, iter(roots))]
    while stack:
        opened, sources = stack[-1]
        for node in sources:
            if node in order:
                continue
            if node.sources and (is_leaf is None or not is_leaf(node)):
                stack.append((node, iter(node.sources)))
                break
            order[node] = None
        else:
            stack.pop()
            if opened is not None:
                order[opened] = None
    return list(order)


def find_users(order: Iterable[Node]) -> dict[Node, list[Node]]:
    """Return for each node that has users among ``order`` these users, each once, in order."""
    users: dict[Node, list[Node]] = {}
    for node in order:
        for source in dict.fromkeys(node.sources):
            users.setdefault(source, []).append(node)
    return users
