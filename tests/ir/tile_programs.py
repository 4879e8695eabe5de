"""Hypothesis strategy for random tile programs, written with the builder."""

from __future__ import annotations

from hypothesis import strategies as st

from tilegrad.ir.dtype import dtypes
from tilegrad.ir.node import Node
from tilegrad.ops import exponential
from tilegrad.ops.build import Builder, combine, lanes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.movement import filled

F32 = dtypes.float32
SIZE = 256


class Writer:
    """Draws statements; ``tiles`` and ``indices`` are what they may use."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.build = Builder("random")
        self.x = self.build.input(F32, SIZE)
        self.y = self.build.output(F32, SIZE)
        self.memory = self.build.scratch(F32, SIZE)
        self.size = self.build.scalar("n", 16, 0, 16)
        self.lane = lanes(4, 2, 1)
        self.row = lanes(2, 2, 0)
        self.indices = [self.size, self.build.instance(self.size // 4 + 1)]
        self.tiles = [filled(1.0, F32, (2, 4))]
        self.build.store(self.memory, lanes(SIZE), 0.5)

    def pick(self, options: list) -> Node:
        return self.draw(st.sampled_from(options))

    def index(self) -> Node:
        scale = self.draw(st.integers(-2, 3))
        found = self.pick(self.indices) * scale + self.pick(self.indices) // 2
        return found % SIZE if self.draw(st.booleans()) else found

    def offset(self) -> Node:
        return (self.index() + 4 * self.row + self.lane) % SIZE

    def body(self, depth: int) -> None:
        for _ in range(self.draw(st.integers(1, 4))):
            self.statement(depth)

    def statement(self, depth: int) -> None:
        kinds = ["compute", "load", "store", "reduce", *(["loop", "when"] if depth else [])]
        kind = self.draw(st.sampled_from(kinds))
        pointer = self.pick([self.x, self.y, self.memory])
        mask = self.pick([None, self.index() < self.size])
        if kind == "compute":
            self.tiles.append(exponential.exp(self.pick(self.tiles)) + self.pick(self.tiles))
        elif kind == "load":
            self.tiles.append(self.build.load(pointer, self.offset(), mask))
        elif kind == "store" and pointer is not self.x:
            self.build.store(pointer, self.offset(), self.pick(self.tiles), mask)
        elif kind == "reduce":
            self.tiles.append(combine(self.pick(self.tiles), "add", self.draw(st.integers(0, 1))))
            self.tiles.append(
                self.tiles.pop() + cast_to(self.index(), F32) + filled(0.5, F32, (2, 4))
            )
        elif kind == "when":
            self.nest(self.build.when(self.index() < 3), depth)
        elif kind == "loop":
            carried = {name: self.pick(self.tiles) for name in self.draw(st.sets(NAMES))}
            self.nest(
                self.build.loop(0, self.pick([self.size, self.index() % 5]), **carried), depth
            )

    def nest(self, loop, depth: int) -> None:
        tiles, indices = list(self.tiles), list(self.indices)
        names = [name for name in ("a", "b") if name in loop.names]
        with loop:
            self.indices.append(loop.index)
            self.tiles += [loop[name] for name in names]
            self.body(depth - 1)
            for name in names:
                loop[name] = self.pick(self.tiles)
        self.tiles = [*tiles, *(loop[name] for name in names)]
        self.indices = indices


NAMES = st.sampled_from(["a", "b"])


@st.composite
def tile_programs(draw: st.DrawFn) -> Node:
    """The root of a random program with slots x, y, n."""
    writer = Writer(draw)
    writer.body(2)
    writer.build.store(writer.y, writer.offset(), writer.tiles[-1])
    if draw(st.booleans()):
        with writer.build.after_all():
            writer.build.store(writer.y, 0, 1.0)
    return writer.build.program().root
