"""The choice of a staging: of all register tiles that fit, those that cost least.

What they cost is in ``staging_costs``; here is what there is to choose from, and whether a
contraction is staged at all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

from tilegrad.ir.node import Node
from tilegrad.ops import memory
from tilegrad.ops.matrix import MatrixFacts
from tilegrad.ops.memory import slot_of
from tilegrad.tile.decisions import Decider, list_near
from tilegrad.tile.facts import Facts
from tilegrad.tile.products.contraction import Contraction, Factor
from tilegrad.tile.products.correction import can_correct
from tilegrad.tile.products.narrow import (
    find_depth,
    find_narrow,
    find_unit,
    has_words,
    raise_signed,
)
from tilegrad.tile.products.side_options import MOST_VECTORS, Option, SideOptions, extents_of
from tilegrad.tile.products.staging import PanelOrder, Staging, SumBlocks
from tilegrad.tile.products.staging_costs import Pair, StagingCosts, divide
from tilegrad.tile.products.windows import find_windows
from tilegrad.tile.target import TileTarget

LANES_OF_BLOCK = 256
"""Terms of a block of the sum are so many that half the cache holds panels of so many lanes ..."""
LEAST_SUM = 16
"""... but at least this many."""
LARGEST_CACHE = 2 << 20
"""Scratch memory lies on the stack of a thread, so that more of a cache than this is not used."""
FEW_ROWS = 32
"""With no more rows than this, a matrix is streamed past them: it is not worth copying."""
LEAST_TERMS = 4
"""A contraction over fewer is not staged in any case."""
FEW_TERMS = 64
"""Terms of a block of the sum then: so many rows of the matrix are read side by side."""
LEAST_WORK = 1 << 21
LEAST_TURNED_WORK, LEAST_TURNED_ROWS = 1 << 17, 16
LEAST_NARROW_WORK = 1 << 14
"""Fewer multiplications are not worth staging where the factors fit the cache: of factors one of
which lies along the lanes, of others (with so many rows), and of narrow ones."""
LEAST_RUN_BYTES = 128
"""Tiles of rows are packed so many at once that what is read side by side has at least this length:
caches are filled by pairs of lines, and half a pair takes as long as a whole one."""


class StagingChoice:
    """Chooses how a contraction is staged.

    Args:
        facts: of the kernel.
        contraction: what it computes.
        target: the processor.
        decider: decides ``staging`` and, if there is one, ``sum``, ``tile``, ``rows``, ``columns``
            and ``block``.
        constants: slots of what does not change: to pack it costs nothing, as that is done once.
    """

    def __init__(
        self,
        facts: Facts,
        contraction: Contraction,
        target: TileTarget,
        decider: Decider,
        constants: Collection[int] = (),
    ) -> None:
        self.facts = facts
        self.contraction = contraction
        self.target = target
        self.decider = decider
        self.constants = constants
        self._kept = self._find_kept()
        self._known: dict[tuple[Factor, MatrixFacts | None, SumBlocks], SideOptions] = {}
        self.total_size = contraction.reduction.dtype.itemsize
        self.itemsize = contraction.factors[0].value.dtype.itemsize
        self.lanes = max(1, target.vector_bytes // self.total_size)
        self.cache = min(target.cache_bytes, LARGEST_CACHE)
        # Narrow factors are multiplied faster, but partial results move as slowly: longer blocks.
        longest = self.cache // (2 * LANES_OF_BLOCK * self.itemsize) * self.total_size
        longest //= self.itemsize
        self.terms = math.prod(extents_of(contraction.bound))
        longest = max(LEAST_SUM, longest, self.terms if self._may_be_whole() else 0)
        self.sums = _cut_sum(contraction.bound, longest)
        self.elements = [math.prod(extents_of(factor.axes)) for factor in contraction.factors]
        self.is_streamed = self._find_streamed()
        if self.is_streamed:
            longest = FEW_TERMS
        blocks = [
            _cut_sum(contraction.bound, each) for each in list_near(longest, LEAST_SUM, 4 * longest)
        ]
        self.sums = decider.take("sum", blocks, label=lambda one: str(one.length))
        self.costs = StagingCosts(
            self.sums,
            self.terms,
            math.prod(extents_of(contraction.batch)),
            self.itemsize,
            self.total_size,
            self.cache,
            self._kept,
            target.threads,
        )

    def _may_be_whole(self) -> bool:
        """Whether the sum had better not be cut: the widest panel is no more than half the cache.

        Panels of windows grow in all directions, and are better kept small.
        """
        contraction = self.contraction
        if contraction.units or any(
            find_windows(factor.value, factor.axes, contraction.bound)
            for factor in contraction.factors
        ):
            return False
        return self.terms * MOST_VECTORS * self.target.vector_bytes <= self.cache // 2

    def is_wanted(self) -> bool:
        """Whether to stage."""
        if self.terms < LEAST_TERMS or min(self.elements) < 2 or max(self.elements) < self.lanes:
            return False
        order = ("staged", "in place") if self.pays() else ("in place", "staged")
        return self.decider.take("staging", order) == "staged"

    def pays(self) -> bool:
        """Whether there is enough reuse, and reading in place would be slow."""
        elements = self.elements
        if self.terms < LEAST_SUM or min(elements) < 8 or max(elements) < self.lanes:
            return False
        is_large = self.terms * max(elements) * self.itemsize > self.cache // 2
        return is_large or self.terms * math.prod(elements) > self._least_work()

    def _least_work(self) -> int:
        is_computed = any(factor.value.op is not memory.load for factor in self._kept)
        if self.contraction.units or is_computed:
            return LEAST_NARROW_WORK  # where they lie, they would be widened for every product
        if min(self.elements) < LEAST_TURNED_ROWS or any(map(self._lies, self.contraction.factors)):
            return LEAST_WORK
        return LEAST_TURNED_WORK

    def _lies(self, factor: Factor) -> bool:
        """Whether a factor's elements are neighbours along what would be the lanes."""
        return self._options(factor, None).lies_along(factor.axes[-1])

    def _find_streamed(self) -> bool:
        """Whether one factor has few elements and the other ones that are neighbours as lanes."""
        if self.contraction.units or min(self.elements) > FEW_ROWS:
            return False
        matrix = self.contraction.factors[self.elements.index(max(self.elements))]
        return self._lies(matrix) and not self._is_kept(matrix)

    def _is_kept(self, factor: Factor) -> bool:
        """Whether a factor is constant, so that its panels are packed once."""
        return factor in self._kept

    def _find_kept(self) -> list[Factor]:
        """Return what is made of constants, but not of narrower ones: panels would be larger."""
        kept: list[Factor] = []
        for factor in self.contraction.factors if self.constants else ():
            loads, bits = memory.loads_in(factor.value), factor.value.dtype.bits
            known = (slot_of(one) in self.constants and one.dtype.bits >= bits for one in loads)
            if loads and all(known):
                kept.append(factor)
        return kept

    def choose(self) -> Staging | None:
        """Return the best staging, None if there is none."""
        pairs = self._list_pairs()
        if not pairs:
            return None
        pair = self.decider.take("tile", pairs, self.costs.measure_all(pairs).__getitem__)
        rows, columns = (
            self.decider.take(
                name,
                self._options(side.factor, pair.unit).variants(side, is_lanes=is_lanes),
                label=_name_order,
            )
            for name, side, is_lanes in (
                ("rows", pair.rows, False),
                ("columns", pair.columns, True),
            )
        )
        return self.stage(Pair(rows, columns, pair.unit))

    def _options(self, factor: Factor, unit: MatrixFacts | None) -> SideOptions:
        key = factor, unit, self.sums
        known = self._known.get(key)
        if known is None:
            known = SideOptions(self.facts, self.contraction, factor, self.sums, unit)
            self._known[key] = known
        return known

    def _list_pairs(self) -> list[Pair]:
        """Return the pairs of register tiles that fit the registers."""
        first, second = self.contraction.factors
        pairs: list[Pair] = []
        for rows, columns in ((first, second), (second, first)):
            unit = find_unit(self.contraction, rows, columns)
            if self.contraction.units and (unit is None or not self._fits(unit, rows, columns)):
                continue
            registers = self.target.registers if unit is None else unit.registers
            nbytes = self.terms * math.prod(extents_of(columns.axes)) * self.itemsize
            stays = unit is None and (self.is_streamed or nbytes <= self.cache // 4)
            stays = stays and not self._is_kept(columns)
            tall, wide = self._options(rows, unit), self._options(columns, unit)
            pairs += [
                Pair(row, column, unit)
                for row, column in itertools.product(
                    tall.rows(), wide.lanes(self.lanes, may_stay=stays)
                )
                if row.count * column.count + column.count + 1 <= registers
                and (unit is None or can_correct(unit, row.width, self.sums))
            ]
        return pairs

    def _fits(self, unit: MatrixFacts, rows: Factor, columns: Factor) -> bool:
        """Whether the terms of the sum are whole words for a unit."""
        factors = (rows, columns)
        return find_depth(unit, self.sums) is not None and all(
            has_words(unit, self.sums, factor.value) for factor in factors
        )

    def _count_together(self, rows: Option) -> int:
        """Return how many tiles of rows are packed at once: enough for runs of some length."""
        is_run = rows.order is PanelOrder.TILE and not rows.windows and len(rows.sizes) == 1
        if not is_run or not self._lies(rows.factor) or self._is_kept(rows.factor):
            return 1
        panel = self.sums.length * rows.width * self.itemsize
        wanted = -(-LEAST_RUN_BYTES // (rows.width * self.itemsize))
        return max(1, min(wanted, self.cache // 4 // panel))

    def stage(self, pair: Pair) -> Staging:
        """Return the staging of a pair of tiles."""
        rows, columns, unit = pair
        row_tiles, lane_tiles = self.decider.take(
            "block", self.costs.list_blocks(pair), label=lambda one: f"{one[0]}x{one[1]}"
        )
        row_side = rows.side(row_tiles)
        row_side = row_side._replace(together=min(row_tiles, self._count_together(rows)))
        lane_side = columns.side(lane_tiles)
        is_raised = unit is not None and unit.is_raised
        if is_raised:
            lane_side = lane_side._replace(value=raise_signed(lane_side.value))
        return Staging(
            self.contraction.reduction,
            self.contraction.batch,
            row_side,
            lane_side,
            self.sums,
            1 if unit is None else find_depth(unit, self.sums) or 1,
            is_raised,
        )


def _name_order(option: Option) -> str:
    return "window" if option.windows else option.order.name.lower()


def _cut_sum(bound: Sequence[Node], longest: int) -> SumBlocks:
    """Return the blocks of the summed axes: the inner axes whole, one cut, the outer ones walked.

    Up to half as many terms more than ``longest`` are not worth cutting.
    """
    place, inner = len(bound), 1
    extents = extents_of(bound)
    while place > 0 and inner * extents[place - 1] <= longest * 3 // 2:
        place -= 1
        inner *= extents[place]
    if place == 0:
        return SumBlocks((), bound[0], extents[0], tuple(bound[1:]), extents)
    cut = extents[place - 1]
    most = max(1, longest // inner)
    size = divide(cut, most)
    if inner == 1:
        size = min(cut, -(-size // 16) * 16)
    return SumBlocks(
        tuple(bound[: place - 1]),
        bound[place - 1],
        size,
        tuple(bound[place:]),
        extents[place - 1 :],
    )


def choose_staging(
    facts: Facts,
    contraction: Contraction,
    target: TileTarget,
    decider: Decider,
    constants: Collection[int] = (),
) -> Staging | None:
    """Return how a contraction is staged, None if it is better read where it lies.

    Args:
        facts: of the kernel.
        contraction: what it computes.
        target: the processor.
        decider: makes the decisions.
        constants: slots of what does not change.
    """
    narrow = find_narrow(contraction, target.units)
    for each in (contraction,) if narrow is None else (narrow, contraction):
        choice = StagingChoice(facts, each, target, decider, constants)
        staging = choice.choose() if choice.is_wanted() else None
        if staging is not None:
            return staging
    return None
