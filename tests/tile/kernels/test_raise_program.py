"""Programs that say no more than what is computed become kernels, and do the same as before."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.language.running import close, run
from tilegrad import Tensor, Variable, dtypes, jit, kernel
from tilegrad import language as tl
from tilegrad.engine.explain import explain
from tilegrad.ir.node import sort_topologically
from tilegrad.ops import kernel as kernel_ops
from tilegrad.tile.facts import Facts
from tilegrad.tile.kernels.raise_program import raise_program

STEPS = {
    "tanh": lambda t, _, xp: xp.tanh(t),
    "scale": lambda t, w, _: t * w[None, :],
    "row maximum": lambda t, *_: t - t.max(1)[:, None],
    "row sum": lambda t, *_: t * 0.5 + t.sum(1)[:, None],
    "column minimum": lambda t, *_: t - t.min(0)[None, :],
    "sum": lambda t, *_: t / 4 - t.sum() / 8,
    "positive": lambda t, w, xp: xp.where(t > 0, t, w[None, :]),
}


@kernel
def written(build, x, w, steps, block, mode, width):
    rows, columns = x.shape
    out, turned = build.output(x.shape, x.dtype), build.output((columns, rows), x.dtype)
    row = build.grid(rows, block)
    if mode == "whole":
        column = slice(None)
    elif mode == "padded":
        column = tl.Span(0, columns + width)
    else:
        column = build.grid(columns, width)
        column = column.within(columns) if mode == "within" else column
    tile, weight = x[row, column], w[column]
    for step in steps:
        tile = STEPS[step](tile, weight, tl)
    out[row, column] = tile
    turned[column, row] = tile.T
    return out, turned


def in_blocks(x, w, steps, block, mode, width):
    """What the kernel does, instance by instance."""
    rows, columns = x.shape
    whole = {"whole": columns, "padded": columns + width}
    width = whole.get(mode, width)
    padded = numpy.pad(x, ((0, block), (0, width)))
    weights = numpy.pad(w, (0, width))
    out = numpy.zeros_like(padded)
    for top in range(0, rows, block):
        for start in range(0, columns, width):
            left = min(start, columns - width) if mode == "within" else start
            tile = padded[top : top + block, left : left + width]
            for step in steps:
                tile = STEPS[step](tile, weights[left : left + width], numpy)
            out[top : top + block, left : left + width] = tile
    return out[:rows, :columns]


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(sorted(STEPS)), max_size=4),
    st.sampled_from([(1, 5), (8, 32), (7, 21), (13, 70)]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from(["whole", "padded", "blocks", "within"]),
    st.sampled_from([4, 5]),
)
def test_programs_without_loops(steps, shape, block, mode, width):
    random = numpy.random.default_rng(0)
    x, w = (random.standard_normal(one, numpy.float32) for one in (shape, shape[1]))
    if mode == "within" and set(steps) - {"tanh", "scale", "positive"}:
        steps = []  # places that two blocks have in common must be the same in both
    parameters = (tuple(steps), block, mode, width)
    across = {"column minimum", "sum"} & set(steps)
    across |= {"row maximum", "row sum"} & set(steps) if mode == "blocks" else set()
    # What a block comes to depends on the block: its last rows are no part of the axis then.
    if not across:
        assert raise_program(written.program(Tensor(x), Tensor(w), *parameters)) is not None
    expected = in_blocks(x, w, *parameters)
    out, turned = run(written, x, w, *parameters, device="cpu")
    close(out, expected, 1e-4)
    close(turned, expected.T, 1e-4)


def axes_of(program):
    """The names and extents of the axes of the kernel that a program says."""
    facts = Facts(raise_program(program).kernel)
    return {kernel_ops.name_of(axis): kernel_ops.extent_of(axis) for axis in facts.outputs}


@kernel
def double(build, x):
    out = build.output(x.shape, x.dtype)
    block = build.grid(x.shape[0], 64)
    out[block] = x[block] * 2
    return out


def test_blocks_become_axes_and_masks_vanish():
    program = double.program(Tensor.zeros(1000))
    assert "mask" in str(program)
    raised = raise_program(program).kernel
    assert axes_of(program) == {"i0": 1000}
    assert all(
        len(node.sources) < 3 for node in sort_topologically([raised]) if node.op.name == "load"
    )


def test_sizes_that_are_known_at_launch():
    count = Variable("count", 1, 5000)
    program = double.program(Tensor.zeros(5000)[:count])
    (extent,) = axes_of(program).values()
    assert not isinstance(extent, int)
    assert [slot.role for slot in raise_program(program).slots] == ["input", "output"]
    captured = jit(lambda x, count: (double(x[:count]) + 1).sum())
    x = numpy.arange(5000, dtype=numpy.float32)
    for size in (1, 63, 64, 1000, 4999):
        found = captured(Tensor(x).realize(), count.bind(size))
        close(found.numpy(), (x[:size] * 2 + 1).sum())


@kernel
def normalise(build, x):
    out, tops = build.output(x.shape, x.dtype), build.output(x.shape[0], x.dtype)
    row = build.grid(x.shape[0])
    value = x[row, :]
    tops[row] = value.max()
    powers = tl.exp(value - value.max())
    out[row, :] = powers * (1 / powers.sum())
    return out, tops


def test_rows_by_hand_are_cut_like_derived_ones():
    x = Tensor.zeros(64, 1000).contiguous().realize()
    (derived,) = explain(x.softmax(1)).kernels
    (by_hand,) = explain(normalise(x)[0]).kernels
    assert by_hand.name == "normalise"
    for op in ("for ", "exp(", "scratch", "load(", "reduce_"):
        assert by_hand.program.count(op) == derived.program.count(op)


@kernel
def layer(build, x, weight, bias, rows, columns):
    (m, _), (_, n), wide = x.shape, weight.shape, tl.accumulator_of(x.dtype)
    out = build.output((m, n), wide)
    row, column = build.grid(m, rows), build.grid(n, columns)
    start = tl.zeros((rows, columns), wide) + bias[column].cast(wide)
    out[row, column] = tl.relu(tl.dot(x[row, :], weight[:, column], start))
    return out


@settings(max_examples=15)
@given(
    st.tuples(*[st.sampled_from([1, 5, 16, 70])] * 3),
    st.sampled_from([dtypes.float32, dtypes.bfloat16, dtypes.int8]),
    st.sampled_from([(1, 1), (4, 16), (8, 5)]),
)
def test_products_without_loops(sizes, dtype, blocks):
    m, k, n = sizes
    random = numpy.random.default_rng(0)
    arrays = [random.integers(-3, 4, one).astype(numpy.float32) for one in ((m, k), (k, n), n)]
    given = [Tensor(one).cast(dtype).realize() for one in arrays]
    x, weight, bias = arrays
    found = layer(*given, *blocks).float().numpy()
    numpy.testing.assert_array_equal(found, numpy.maximum(x @ weight + bias, 0))
    assert raise_program(layer.program(*given, *blocks)) is not None


def test_reductions_that_meet_bind_axes_of_their_own():
    @kernel
    def nested(build, x):
        out = build.output(8, x.dtype)
        build.grid(1)
        tops = x[:, :].max(1)[None, :]  # of row j, where the sum goes along j
        out[:] = tl.dot(x[:, :] - tops, x[:, :]).sum(0)
        return out

    x = numpy.random.default_rng(0).integers(-9, 9, (8, 8)).astype(numpy.float32)
    assert raise_program(nested.program(Tensor(x))) is not None
    expected = ((x - x.max(1)) @ x).sum(0)
    numpy.testing.assert_array_equal(run(nested, x, device="cpu"), expected)


@kernel
def momentum(build, weight, gradient, moment, *, rate=0.1):
    weight, moment = build.update(weight), build.update(moment)
    part = build.grid(weight.shape[0], 32)
    new = 0.9 * moment[part] + gradient[part]
    moment[part] = new
    weight[part] = weight[part] - rate * new
    return weight, moment


@pytest.mark.parametrize("size", [7, 1000, 4099])
def test_arguments_are_updated_in_place(size):
    random = numpy.random.default_rng(0)
    weight, gradient, moment = (random.standard_normal(size, numpy.float32) for _ in range(3))
    tensors = [Tensor(one).realize() for one in (weight, gradient, moment)]
    assert axes_of(momentum.program(*tensors)) == {"i0": size}
    new = momentum(*tensors)
    tensors[0].assign(new[0])
    tensors[2].assign(new[1])
    expected = 0.9 * moment + gradient
    close(tensors[2].numpy(), expected)
    close(tensors[0].numpy(), weight - 0.1 * expected)


@kernel
def looped(build, x):
    out = build.output(x.shape[0], x.dtype)
    row = build.grid(x.shape[0])
    with build.loop(0, x.shape[1], total=tl.zeros(())) as loop:
        loop.total += x[row, loop.index]
    out[row] = loop.total
    return out


@kernel
def staged(build, x):
    out, own = build.output(x.shape, x.dtype), build.scratch(x.shape[1], x.dtype)
    row = build.grid(x.shape[0])
    own[:] = x[row, :]
    out[row, :] = own[:] * 2
    return out


@kernel
def scattered(build, x):
    out = build.output((x.shape[0], 2), x.dtype)
    row = build.grid(x.shape[0])
    out[row, tl.arange(8) % 2] = x[row, :]
    return out


@kernel
def shifted(build, x):
    x = build.update(x)
    row = build.grid(x.shape[0])
    x[row, :] = x[row, tl.arange(8) - 1]
    return x


@kernel
def swapped(build, x, y):
    x, y = build.update(x), build.update(y)
    row = build.grid(x.shape[0])
    one, other = x[row, :], y[row, :]
    x[row, :], y[row, :] = other, one
    return x, y


@kernel
def fenced(build, x):
    out = build.output(x.shape, x.dtype)
    row = build.grid(x.shape[0])
    out.store((row, slice(None)), x[row, :], mask=x[row, :] > 0)
    return out


def test_memory_that_is_written_must_be_read_before():
    x = Tensor.zeros(4, 8)
    assert raise_program(swapped.program(x, x + 1)) is None
    arrays = [numpy.random.default_rng(n).standard_normal((4, 8), numpy.float32) for n in (0, 1)]
    for found, expected in zip(run(swapped, *arrays, device="cpu"), arrays[::-1], strict=True):
        close(found, expected)


@pytest.mark.parametrize("one", [looped, staged, scattered, shifted, fenced])
def test_what_says_how_stays_as_it_is(one):
    x = Tensor.zeros(4, 8, dtype=dtypes.float32)
    program = one.program(x)
    assert raise_program(program) is None
    assert explain(one(x.contiguous().realize())).kernels[-1].kernel is None
