"""Random kernels with loops over shared memory do what the same statements do in NumPy."""

from __future__ import annotations

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.running import run
from tilegrad import kernel
from tilegrad import language as tl

SIZE, WIDTH, NAMES = 24, 4, ("a", "b", "c")
UPDATES = {
    "add": numpy.add,
    "max": numpy.maximum,
    "min": numpy.minimum,
    "exchange": lambda _, value: value,
}

places = st.tuples(st.integers(-2, SIZE - 1), st.integers(0, 5))
statements = st.recursive(
    st.one_of(
        st.tuples(st.just("load"), st.sampled_from(NAMES), places),
        st.tuples(st.just("store"), st.sampled_from(NAMES), places),
        st.tuples(st.just("add"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("swap"), places, places),
        st.tuples(
            st.just("update"), st.sampled_from(sorted(UPDATES)), st.sampled_from(NAMES), places
        ),
    ),
    lambda inner: st.tuples(
        st.sampled_from(["loop", "when"]),
        st.integers(0, 3),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=10,
)
programs = st.lists(statements, min_size=1, max_size=6)


class Plain:
    """Executes statements on an array."""

    def __init__(self, memory, values):
        self.memory, self.values = memory, values

    def execute(self, program, index=0):
        for kind, *rest in program:
            getattr(self, kind)(*rest, index)

    def load(self, name, place, index):
        self.values[name] = self.read(place[0] + place[1] * index)

    def store(self, name, place, index):
        self.write(place[0] + place[1] * index, self.values[name])

    def add(self, name, other, index):
        self.values[name] = self.values[name] * 0.5 + self.values[other] + index

    def swap(self, first, second, index):
        one, other = (place[0] + place[1] * index for place in (first, second))
        before, after = self.read(one), self.read(other)
        self.write(one, after)
        self.write(other, before)

    def update(self, kind, name, place, index):
        value, self.values[name] = self.values[name], numpy.zeros(WIDTH, numpy.float32)
        for lane in range(WIDTH):
            at = place[0] + place[1] * index + lane // 2
            if 0 <= at < SIZE:
                self.values[name][lane] = self.memory[at]
                self.memory[at] = UPDATES[kind](self.memory[at], value[lane])

    def loop(self, count, body, _):
        for index in range(count):
            self.execute(body, index)

    def when(self, count, body, index):
        if index < count:
            self.execute(body, index)

    def read(self, start):
        place = numpy.arange(start, start + WIDTH)
        inside = (place >= 0) & (place < SIZE)
        return numpy.where(inside, self.memory[place.clip(0, SIZE - 1)], 0).astype(numpy.float32)

    def write(self, start, value):
        for lane in range(WIDTH):
            if 0 <= start + lane < SIZE:
                self.memory[start + lane] = value[lane]


class Written(Plain):
    """Writes the same statements as a kernel."""

    def __init__(self, build, memory, values):
        super().__init__(memory, values)
        self.build = build

    def add(self, name, other, index):
        more = index.cast(tl.zeros(()).dtype) if isinstance(index, tl.Tile) else float(index)
        self.values[name] = self.values[name] * 0.5 + self.values[other] + more

    def update(self, kind, name, place, index):
        at = tl.arange(WIDTH) // 2 + (place[0] + place[1] * index)
        self.values[name] = getattr(self.memory, f"atomic_{kind}")(at, self.values[name])

    def loop(self, count, body, _):
        self.carry(self.build.loop(count, **self.values), body, None)

    def when(self, count, body, index):
        condition = (index if isinstance(index, tl.Tile) else tl.arange(1).sum() + index) < count
        self.carry(self.build.when(condition, **self.values), body, index)

    def carry(self, loop, body, index):
        with loop:
            self.values = {name: getattr(loop, name) for name in NAMES}
            self.execute(body, loop.index if index is None else index)
            for name in NAMES:
                setattr(loop, name, self.values[name])
        self.values = {name: getattr(loop, name) for name in NAMES}

    def read(self, start):
        return self.memory[tl.arange(WIDTH) + start]

    def write(self, start, value):
        self.memory[tl.arange(WIDTH) + start] = value


@settings(max_examples=60)
@given(programs, st.sampled_from(["reference", "cpu"]), st.booleans())
def test_random_kernels(program, device, is_private):
    x = numpy.random.default_rng(0).integers(-9, 9, SIZE).astype(numpy.float32)

    @kernel
    def written(build, x):
        build.grid(1)
        out, rest = build.output(SIZE, x.dtype), build.output((3, WIDTH), x.dtype)
        memory = (build.scratch if is_private else build.workspace)(SIZE, x.dtype)
        memory[:] = x[:]
        writer = Written(build, memory, {name: tl.zeros((WIDTH,)) for name in NAMES})
        writer.execute(program)
        out[:] = memory[:]
        for number, name in enumerate(NAMES):
            rest[number, :] = writer.values[name]
        return out, rest

    plain = Plain(x.copy(), {name: numpy.zeros(WIDTH, numpy.float32) for name in NAMES})
    plain.execute(program)
    memory, values = run(written, x, device=device)
    numpy.testing.assert_allclose(memory, plain.memory, rtol=1e-5)
    numpy.testing.assert_allclose(values, [plain.values[name] for name in NAMES], rtol=1e-5)
