"""Packed copies of constant operands: right, shared, made anew after writes, and dropped."""

from __future__ import annotations

import gc

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tile.products.test_narrow import PRODUCTS, TILES, as_tensor, multiply, tile_target, whole
from tilegrad import Tensor, dtypes, jit
from tilegrad.base.trace import Trace
from tilegrad.engine import current_session
from tilegrad.engine.graph_key import key_of
from tilegrad.engine.plan import make_plan
from tilegrad.engine.programs import Programs
from tilegrad.engine.storage import storage_of, view_storage
from tilegrad.runtime.reference.interpreter import interpret

KINDS = (dtypes.float32, dtypes.bfloat16, dtypes.int8)


def numbers(kind, *shape: int, seed: int) -> numpy.ndarray:
    values = numpy.random.default_rng(seed).integers(-4, 5, shape)
    return values.astype(kind.numpy)


def product_of(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    return a.astype("f8") @ b.astype("f8")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_steps_share_copies_that_are_packed_anew_after_writes(kind):
    a, b = numbers(kind, 70, 500, seed=1), numbers(kind, 500, 300, seed=2)
    x, weight = Tensor(a).realize(), Tensor(b).realize()
    first, second = jit(lambda x: multiply(x, weight)), jit(lambda x: multiply(x, weight) + 1)
    for _ in range(3):
        numpy.testing.assert_array_equal(first(x).numpy(), product_of(a, b))
        numpy.testing.assert_array_equal(second(x).numpy(), product_of(a, b) + 1)
    (pack,), others = (step.captured[0].packs for step in (first, second))
    assert others == [pack]
    weight.assign(weight + 1)
    numpy.testing.assert_array_equal(first(x).numpy(), product_of(a, b + 1))
    update = jit(lambda: weight.assign(weight - 2))
    for round_ in range(4):
        update()
        numpy.testing.assert_array_equal(first(x).numpy(), product_of(a, b - 1 - 2 * round_))


def test_what_may_change_is_not_kept():
    a, b = numbers(dtypes.float32, 70, 500, seed=1), numbers(dtypes.float32, 500, 300, seed=2)
    borrowed = Tensor.from_numpy(b, copy=False)
    weight, x = Tensor(b).realize(), Tensor(a).realize()

    def train(x: Tensor) -> Tensor:
        y = x @ weight
        weight.assign(weight * 0.5)
        return y

    as_argument = jit(lambda x, w: x @ w)
    written, shared = jit(train), jit(lambda x: x @ borrowed)
    for _ in range(3):
        as_argument(x, weight)
        written(x)
        numpy.testing.assert_array_equal(shared(x).numpy(), product_of(a, b))
    b[:] = 1  # whoever lent the memory may write to it
    numpy.testing.assert_array_equal(shared(x).numpy(), product_of(a, b))
    assert [step.captured[0].packs for step in (as_argument, written, shared)] == [[], [], []]


def test_copies_go_with_the_steps_that_use_them():
    x = Tensor(numbers(dtypes.float32, 70, 500, seed=1)).realize()
    weight = Tensor(numbers(dtypes.float32, 500, 300, seed=2)).realize()
    step = jit(lambda x: x @ weight)
    for _ in range(3):
        step(x)
    (captured,) = step.captured
    packs = captured.executor.packs
    before = len(packs)
    assert captured.arena_bytes >= captured.packs[0].memory.nbytes
    assert not packs.has_room(packs.limit)
    del step, captured
    gc.collect()
    assert len(packs) == before - 1


def test_unlike_kernels_share_copies_whose_memory_returns_with_the_last():
    b = numbers(dtypes.float32, 384, 300, seed=2)
    weight, bias = Tensor(b).realize(), Tensor(b[:, 0]).realize()
    before = live_bytes()
    plain, more = jit(lambda x: x @ weight.T), jit(lambda x: bias + (x * 2) @ weight.T)
    for shape in ((64,), (128,), (192,), (256,), (2, 64)):
        a = numbers(dtypes.float32, *shape, 300, seed=1)
        for _ in range(3):
            numpy.testing.assert_array_equal(plain(Tensor(a)).numpy(), product_of(a, b.T))
            expected = 2 * product_of(a, b.T) + b[:, 0]
            numpy.testing.assert_array_equal(more(Tensor(a)).numpy(), expected)
    steps = (*plain.captured, *more.captured)
    packs = {pack for step in steps for pack in step.packs}
    assert len(steps) == 10
    assert len(packs) <= 2, "one for each width of tiles"
    assert live_bytes() - before < 4 * b.nbytes, "no results of the captured calls are kept"
    del plain, more, steps, packs
    gc.collect()
    assert live_bytes() <= before + b.nbytes // 100


def live_bytes() -> int:
    return current_session().compiled("cpu").device.allocator.statistics().live


@pytest.mark.parametrize("unit", [TILES, PRODUCTS], ids=["tiles", "products"])
@settings(max_examples=10)
@given(data=st.data())
def test_packed_programs_compute_the_same(unit, data):
    """Of little cache, so that sums are cut; either factor may be the constant one."""
    kind = data.draw(st.sampled_from([dtypes.bfloat16, dtypes.int8]))
    rows, columns, inner = (data.draw(st.integers(8, 90)) for _ in range(3))
    inner *= data.draw(st.sampled_from([1, 4]))
    batch = data.draw(st.sampled_from([(), (3,)]))
    a, b = whole(kind, *batch, rows, inner, seed=1), whole(kind, *batch, inner, columns, seed=2)
    left = as_tensor(a, is_turned=data.draw(st.booleans()))
    right = as_tensor(b, is_turned=data.draw(st.booleans()))
    nodes, programs = [multiply(left, right).node], Programs(tile_target(unit))
    buffers = key_of(nodes).buffers
    plan = make_plan(nodes, buffers, programs, Trace())
    ((step,),) = plan.groups
    found = numpy.zeros(nodes[0].shape, nodes[0].dtype.numpy)
    given_ = [view_storage(storage_of(one), (storage_of(one).size,)) for one in buffers]
    memory = [
        found.reshape(-1) if place.kind == "made" else given_[place.number] for place in step.places
    ]
    constant = data.draw(st.integers(1, 2))
    packed = programs.derive_packed(step.program, frozenset([constant]))
    if packed is None:  # it is read where it lies, or much smaller than its panels
        return
    assert packed.sources == (constant,)
    packing, reading = packed.packing.program, packed.reading.program
    panels = numpy.zeros(int(packing.slots[-1].size), packing.slots[-1].dtype.numpy)
    interpret(packing.root, [memory[constant], panels], undefined=[1], finds_races=True)
    interpret(reading.root, [*memory, panels], undefined=[0], finds_races=True)
    numpy.testing.assert_array_equal(found, (a.astype("f8") @ b.astype("f8")).astype(found.dtype))
