"""Points at a node inside its program, for the messages of the compiler's own failures."""

from __future__ import annotations

from collections.abc import Iterable

from tilegrad.ir.node import Node
from tilegrad.ir.scope import dependencies, order_nodes
from tilegrad.ir.text import describe_program

_DEPTH = 2
"""How many steps from the node its neighbours are shown."""


def explain_error(node: Node, message: str, roots: Iterable[Node] = ()) -> str:
    """Return the lines around a node with a caret under it, followed by the message.

    Args:
        node: the offending node.
        message: what is wrong with it.
        roots: the program that it is part of, to show the users too; by default the node itself.
    """
    wanted = list(roots) or [node]
    if node not in order_nodes(wanted):
        wanted.append(node)
    printed = describe_program(wanted, named=[node])
    lines = printed.text.splitlines()
    here = printed.line_of[node]
    shown = {here} | {
        printed.line_of[near] for near in _neighbours(node, wanted) if near in printed.line_of
    }
    result: list[str] = []
    for number, line in enumerate(lines):
        if number not in shown:
            if not result or result[-1] != "  ...":
                result.append("  ...")
            continue
        result.append(f"  {line}")
        if number == here:
            start = len(line) - len(line.lstrip()) + 2
            result.append(" " * start + "^" * (len(line.strip())))
            result += [f"{' ' * start}{part}" for part in message.splitlines()]
    return "\n".join(result)


def _neighbours(node: Node, roots: list[Node]) -> set[Node]:
    near = {node}
    for _ in range(_DEPTH):
        near |= {need for found in near for need in dependencies(found)}
    users = {node}
    order = order_nodes(roots)
    for _ in range(_DEPTH):
        users |= {user for user in order if not users.isdisjoint(dependencies(user))}
    return near | users
