"""Which kernels to be are alike: they compute the same of other tensors.

A network repeats its layers, so many roots of a schedule are one kernel with other parameters. What
makes two of them the same is the structure of what they compute, with the memory that they write
and read numbered in the order in which it is met.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from tilegrad.ir.node import Node
from tilegrad.schedule.express import ExpressedKernel, target_of
from tilegrad.schedule.roots import Fusion, Root


class Structure(NamedTuple):
    """What a root computes, and of what.

    Attributes:
        key: equal for roots whose kernels differ at most in their parameters.
        homes: the nodes whose memory is written or read.
    """

    key: Hashable
    homes: tuple[Node, ...]


class AlikeKernels:
    """Remembers the kernels of roots by what these compute."""

    def __init__(self, fusion: Fusion) -> None:
        self.fusion = fusion
        self._known: dict[Hashable, tuple[ExpressedKernel, tuple[int, ...]]] = {}

    def find(
        self, root: Root, copied_back: tuple[Node, ...], express: Callable[[], ExpressedKernel]
    ) -> ExpressedKernel:
        """Return the kernel of a root, that of a root like it if there was one.

        Args:
            root: the kernel to be.
            copied_back: assignments that are written to memory of their own.
            express: makes the kernel.
        """
        key, homes = find_structure(root, self.fusion, copied_back)
        known = self._known.get(key)
        if known is None:
            made = express()
            numbers = {home: number for number, home in enumerate(homes)}
            self._known[key] = made, tuple(numbers[home] for home in made.parameters)
            return made
        alike, places = known
        return alike._replace(parameters=tuple(homes[place] for place in places))


def find_structure(root: Root, fusion: Fusion, copied_back: tuple[Node, ...]) -> Structure:
    """Return what a root computes, and of what; linear in its nodes."""
    homes: dict[Node, int] = {}
    structure: list[Hashable] = []
    numbers = {node: number for number, node in enumerate(dict.fromkeys(root.outputs))}
    order = list(numbers)
    for output in root.outputs:
        home = output if output in copied_back else target_of(output)
        number = homes.setdefault(home, len(homes))
        structure.append((number, numbers[output], root.places.get(output)))
    for node in order:  # it grows meanwhile
        if fusion.is_loaded(root, node):
            number = homes.setdefault(target_of(node), len(homes))
            structure.append((number, node.dtype, node.shape))
            continue
        sources: list[int] = []
        for source in node.sources:
            if source not in numbers:
                numbers[source] = len(order)
                order.append(source)
            sources.append(numbers[source])
        structure.append((node.op, node.attributes, tuple(sources)))
    return Structure(tuple(structure), tuple(homes))
