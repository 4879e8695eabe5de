"""What stands in the brackets after an array, against NumPy; positions outside read nothing."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.language.running import close, on_both, run
from tilegrad import Tensor, Variable, dtypes, kernel
from tilegrad import language as tl
from tilegrad.base.errors import ArgumentTypeError, ShapeError
from tilegrad.engine.explain import explain

X = numpy.arange(4 * 6 * 5, dtype=numpy.float32).reshape(4, 6, 5) + 1


def read(array, places):
    """Return array[places] for positions that broadcast, 0 where one lies outside."""
    places = numpy.broadcast_arrays(*places)
    sizes = array.shape
    inside = [(place >= 0) & (place < size) for place, size in zip(places, sizes, strict=True)]
    inside = numpy.logical_and.reduce(inside)
    clipped = [place.clip(0, size - 1) for place, size in zip(places, sizes, strict=True)]
    return numpy.where(inside, array[tuple(clipped)], 0)


@st.composite
def keys(draw):
    """A key for X: for each axis a position, or a block; with the positions along its axes."""
    key, places, rank = [], [], 0
    for size in X.shape:
        start = draw(st.integers(0, size - 1))
        if draw(st.booleans()):
            key.append(start)
            places.append(numpy.array(start))
        else:
            length = draw(st.integers(1, 8))
            key.append(slice(start, start + length))
            places.append(numpy.arange(start, start + length))
            rank += 1
    axis, spread = 0, []
    for place in places:
        if place.ndim:
            axis += 1
            shape = (-1,) + (1,) * (rank - axis)
        spread.append(place.reshape(shape) if place.ndim else place)
    return tuple(key), spread


@given(keys(), st.sampled_from(["reference", "cpu"]))
def test_blocks_and_positions(drawn, device):
    key, places = drawn
    expected = read(X, places)

    @kernel
    def load(build, x):
        build.grid(1)
        value = x[key]
        out = build.output(value.shape, value.dtype)
        out[...] = value
        return out

    numpy.testing.assert_array_equal(run(load, X, device=device), expected)


@given(keys(), st.sampled_from(["reference", "cpu"]))
def test_stores_outside_write_nothing(drawn, device):
    key, places = drawn

    @kernel
    def store(build, x):
        build.grid(1)
        out = build.output(x.shape, x.dtype)
        out[...] = x[...]
        out[key] = -1
        return out

    expected = X.copy()
    inside = read(numpy.ones_like(X), places) > 0
    for place in zip(*(one[inside] for one in numpy.broadcast_arrays(*places)), strict=True):
        expected[place] = -1
    numpy.testing.assert_array_equal(run(store, X, device=device), expected)


@on_both
def test_tiles_of_positions_meet_as_in_numpy(device):
    places = numpy.array([[3, 0], [9, -1], [2, 2]], numpy.int64)

    @kernel
    def gather(build, x, places):
        build.grid(1)
        found = x[places[...], 1:4, tl.arange(3)[:, None] * 2]
        out = build.output(found.shape, found.dtype)
        out[...] = found
        return out

    # The positions' axes (3, 2) take the place of the first, before those of the slice.
    rows, columns = places[:, :, None], numpy.array([0, 2, 4])[:, None, None]
    expected = read(X, (rows, numpy.arange(1, 4), columns))
    numpy.testing.assert_array_equal(run(gather, X, places, device=device), expected)


@on_both
def test_flat_offsets_masks_and_other_values(device):
    @kernel
    def load(build, x):
        build.grid(1)
        offset = tl.arange(9) * 17
        value = x.flat.load(offset, mask=offset % 2 == 0, other=-5)
        out = build.output(9, x.dtype)
        out[...] = 0.0
        out.store(slice(None), value, mask=tl.arange(9) != 4)
        return out

    offset = numpy.arange(9) * 17
    inside = (offset % 2 == 0) & (offset < X.size)
    expected = numpy.where(inside, X.ravel()[offset.clip(0, X.size - 1)], -5)
    expected[4] = 0
    numpy.testing.assert_array_equal(run(load, X, device=device), expected)


@kernel
def copy_rows(build, x, *, ahead):
    out = build.output(x.shape, x.dtype)
    row = build.grid(4)
    out[row] = x.load(row, ahead=row if ahead is None else ahead)
    return out


@on_both
@pytest.mark.parametrize("ahead", [-64, 1, 64, 1 << 40])
def test_what_is_asked_for_ahead_changes_nothing(ahead, device):
    found = copy_rows(_tensor(device), ahead=ahead)
    numpy.testing.assert_array_equal(found.numpy(), X)
    assert f"ahead={ahead}" in str(copy_rows.program(_tensor(device), ahead=ahead))


@pytest.mark.parametrize(("step", "asked"), [(16, 1), (20, 2), (34, 3), (80, 4)])
def test_each_line_of_pieces_that_lie_apart_is_asked_for(step, asked):
    @kernel
    def add_pieces(build, x):
        out = build.output((16,), x.dtype)
        out[...] = x.load((slice(0, 4), slice(0, 16)), ahead=1 << 14).sum(0)
        return out

    pieces = numpy.arange(4 * step, dtype=numpy.uint8).reshape(4, step)
    total = add_pieces(Tensor(pieces).realize())
    (compiled,) = explain(total).kernels
    assert compiled.llvm.count("call void @llvm.prefetch") == asked
    numpy.testing.assert_array_equal(total.numpy(), pieces[:, :16].sum(0, dtype=numpy.uint8))


@kernel
def double_rows(build, x, *, start):
    out = build.output(x.shape, dtypes.float32)
    row = build.grid(x.shape[0])
    x.fetch(start + row * 30 + build.following(x), 30)
    out[row] = x[row] * 2
    return out


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("start", [-1 << 40, 0, 60, 1 << 40])
def test_what_is_fetched_changes_nothing(start, device):
    found = double_rows(_tensor(device), start=start)
    numpy.testing.assert_array_equal(found.numpy(), X * 2)
    program = double_rows.program(_tensor(device), start=start)
    assert "fetch(" in str(program)
    assert [one.pointer for one in program.following] == [0]


def test_a_fetch_asks_for_every_line_of_the_caches():
    (kernel_,) = explain(double_rows(_tensor("cpu"), start=0)).kernels
    assert str(kernel_.linear).count("fetch_lines(") == 1
    assert kernel_.llvm.count("call void @llvm.prefetch") == 2  # 120 bytes


def test_scratch_memory_is_followed_by_nothing():
    @kernel
    def wrong(build, x):
        return build.following(build.scratch(4, dtypes.float32))

    with pytest.raises(ArgumentTypeError, match="memory of an instance"):
        wrong(_tensor("cpu"))


@pytest.mark.parametrize("size", [0, 2.0, None])
def test_how_much_is_fetched_is_a_number(size):
    @kernel
    def wrong(build, x):
        x.fetch(0, size)

    with pytest.raises(ArgumentTypeError, match="how many elements"):
        wrong(_tensor("cpu"))


@kernel
def turn_pairs(build, x):
    """Exchange the halves of each two neighbouring rows of 30 numbers, seen as one of 60."""
    out = build.output(x.shape, dtypes.float32)
    pair = build.grid(x.shape[0] // 2)
    pairs, turned = (array.reshape(2, 2, 30) for array in (x, out))
    turned[pair, 0], turned[pair, 1] = pairs[pair, 1], pairs[pair, 0]
    return out


@on_both
def test_the_same_memory_in_another_shape(device):
    found = turn_pairs(_tensor(device)).numpy()
    numpy.testing.assert_array_equal(found, X[[1, 0, 3, 2]])


def test_another_shape_has_as_many_elements():
    @kernel
    def wrong(build, x):
        return x.reshape(2, 2, 31)

    with pytest.raises(ShapeError, match="keeps its elements"):
        wrong(_tensor("cpu"))


def test_how_far_ahead_is_no_tile():
    with pytest.raises(ArgumentTypeError, match="how far ahead"):
        copy_rows(_tensor("cpu"), ahead=None)


@on_both
def test_what_is_known_to_lie_inside_is_not_checked(device):
    @kernel
    def copy(build, x, *, rows):
        out = build.output(x.shape, x.dtype)
        top = build.grid(24, rows)
        with build.loop(0, 5, 1) as loop:
            out.flat[0:1] = 0.0
            y = x.flat
            value = y[(top.positions * 5 + loop.index)]
            out.flat[top.positions * 5 + loop.index] = value
        return out

    assert "mask" not in str(copy.program(_tensor(device), rows=8))
    assert "mask" in str(copy.program(_tensor(device), rows=7))


def _tensor(device):
    from tilegrad import Tensor

    return Tensor(X, device=device)


@on_both
def test_symbolic_sizes(device):
    from tilegrad import Tensor, jit

    @kernel
    def double(build, x):
        out = build.output((x.shape[0], 2), x.dtype)
        rows = build.grid(x.shape[0], 4)
        total = tl.zeros((4,))
        with build.loop(0, x.shape[1], 4, total=total) as loop:
            loop.total += x[rows, loop.span].sum(1)
        out[rows, 0], out[rows, 1] = loop.total, x[rows, -1 + x.shape[1]]
        return out

    length = Variable("length", 1, 6)
    x = Tensor(X[:, :, 0].copy(), device=device).realize()

    @jit
    def apply(x, length):
        return double(x[:, :length]) * 2

    for count in (3, 6, 1, 5):
        part = X[:, :count, 0]
        close(apply(x, length.bind(count)).numpy(), numpy.stack([part.sum(1), part[:, -1]], 1) * 2)


@on_both
@pytest.mark.parametrize("dtype", [dtypes.bool, dtypes.int8, dtypes.bfloat16, dtypes.float64])
def test_arrays_of_every_kind(dtype, device):
    @kernel
    def copy(build, x):
        out = build.output(x.size, x.dtype)
        block = build.grid(x.size, 16)
        out[block] = x.flat[block]
        return out

    from tilegrad import Tensor

    x = Tensor(X, device=device).cast(dtype)
    numpy.testing.assert_array_equal(copy(x).numpy(), x.flatten().numpy())
