"""Accumulators stay in the unit from one round of a loop to the next.

A loop whose next value of a carried tile c is release(accumulate(... hold(c) ...)) carries the held
form instead: hold moves before the loop and release behind it. By release(hold(c)) = c nothing else
changes; a use of c inside the loop is a use of the released carry.
"""

from __future__ import annotations

from tilegrad.ir.node import Node, intern, sort_topologically
from tilegrad.ir.op import attributes_of
from tilegrad.ir.scope import count_carries, loop_number
from tilegrad.ops import matrix, tile
from tilegrad.ops.graph import ResultAttributes
from tilegrad.ops.matrix import UnitAttributes
from tilegrad.ops.tile import CarryAttributes

Place = tuple[int, int]
"""A loop's number and the position of a carry."""


def keep_accumulators(program: Node) -> Node:
    """Return the program with loops that carry accumulators as their units hold them."""
    order = sort_topologically([program])
    kept = _find_kept(order)
    done: dict[Node, Node] = {}
    for node in order:
        sources = tuple([done[source] for source in node.sources])
        done[node] = _rebuild(node, sources, kept)
    return done[program]


def _find_kept(order: list[Node]) -> dict[Place, UnitAttributes]:
    """Return which carries are accumulators, with their units; inner loops come first."""
    kept: dict[Place, UnitAttributes] = {}
    for node in order:
        if node.op is not tile.loop:
            continue
        count = count_carries(node)
        for position in range(count):
            initial, following = node.sources[3 + position], node.sources[3 + count + position]
            attributes = CarryAttributes(loop_number(node), position)
            carry = intern(tile.carry, (initial,), attributes)
            unit = _find_unit(following, carry, kept)
            if unit is not None:
                kept[attributes.loop, position] = unit
    return kept


def _find_unit(
    following: Node, carry: Node, kept: dict[Place, UnitAttributes]
) -> UnitAttributes | None:
    """Return the unit in which ``following`` is made from ``carry`` without leaving it."""
    unit: UnitAttributes | None = None
    node = following
    while node is not carry:
        if node.op is matrix.release:
            found = attributes_of(node, UnitAttributes)
            node = node.sources[0]
            while node.op is matrix.accumulate:
                node = node.sources[0]
            if node.op is not matrix.hold:
                return None
            node = node.sources[0]
        elif node.op is tile.loop_result:
            loop, position = node.sources[0], attributes_of(node, ResultAttributes).index
            if (loop_number(loop), position) not in kept:
                return None
            found = kept[loop_number(loop), position]
            node = loop.sources[3 + position]
        else:
            return None
        if unit is not None and unit != found:
            return None
        unit = found
    return unit


def _rebuild(node: Node, sources: tuple[Node, ...], kept: dict[Place, UnitAttributes]) -> Node:
    if node.op is matrix.hold:
        return _hold(sources[0], attributes_of(node, UnitAttributes))
    if node.op is tile.carry:
        attributes = attributes_of(node, CarryAttributes)
        unit = kept.get((attributes.loop, attributes.position))
        if unit is not None:
            carry = intern(tile.carry, (_hold(sources[0], unit),), attributes)
            return matrix.release(carry, attributes=unit)
    if node.op is tile.loop:
        sources = _hold_carries(node, sources, kept)
    if node.op is tile.loop_result:
        position = attributes_of(node, ResultAttributes).index
        unit = kept.get((loop_number(node.sources[0]), position))
        if unit is not None:
            return matrix.release(intern(node.op, sources, node.attributes), attributes=unit)
    return node if sources == node.sources else intern(node.op, sources, node.attributes)


def _hold_carries(
    node: Node, sources: tuple[Node, ...], kept: dict[Place, UnitAttributes]
) -> tuple[Node, ...]:
    """Return a loop's sources with initial and next values of accumulators held."""
    count = count_carries(node)
    result = list(sources)
    for position in range(count):
        unit = kept.get((loop_number(node), position))
        if unit is not None:
            for place in (3 + position, 3 + count + position):
                result[place] = _hold(result[place], unit)
    return tuple(result)


def _hold(node: Node, unit: UnitAttributes) -> Node:
    """Return hold(node), by release(hold(c)) = c."""
    if node.op is matrix.release and attributes_of(node, UnitAttributes) == unit:
        return node.sources[0]
    return matrix.hold(node, attributes=unit)
