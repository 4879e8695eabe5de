import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given, settings

from tests.tensor.support import check, random_array
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import (
    ArgumentTypeError,
    DTypeError,
    OutOfRangeError,
    ShapeError,
)


def one_slice(size):
    bound = st.none() | st.integers(-size - 2, size + 2)
    return st.builds(slice, bound, bound, st.none() | st.sampled_from([1, 2, 3, -1, -2, -3]))


@st.composite
def indices(draw, shape, is_advanced):
    """Draw an index that NumPy takes for an array of a shape."""
    common = draw(st.sampled_from([(), (2,), (3, 2), (1,)]))
    items, axis = [], 0
    while axis < len(shape):
        size = shape[axis]
        kinds = ["integer", "slice", "none", "ellipsis", "stop"]
        if is_advanced:
            kinds += ["array", "array", "list", "mask"]
        kind = draw(st.sampled_from(kinds))
        if kind == "stop":
            break
        if kind == "none":
            items.append(None)
        elif kind == "ellipsis":
            if Ellipsis not in [item for item in items if item is Ellipsis]:
                items.append(Ellipsis)
                axis += draw(st.integers(0, len(shape) - axis))
        elif kind == "slice":
            items.append(draw(one_slice(size)))
            axis += 1
        elif kind == "integer":
            items.append(draw(st.integers(-size, size - 1)))
            axis += 1
        elif kind == "mask":
            bits = draw(st.integers(0, 2**size - 1))
            mask = numpy.array([bool(bits >> i & 1) for i in range(size)])
            # masks broadcast with the other arrays only where they select as many
            if common not in ((), (1,)):
                mask[:] = False
                mask[: common[-1]] = True
                if mask.sum() != common[-1]:
                    continue
            items.append(mask)
            axis += 1
        else:
            array = numpy.array(
                draw(
                    st.lists(
                        st.integers(-size, size - 1),
                        min_size=int(numpy.prod(common)),
                        max_size=int(numpy.prod(common)),
                    )
                ),
                numpy.int64,
            ).reshape(common)
            items.append(array.tolist() if kind == "list" and common else array)
            axis += 1
    return tuple(items)


def to_tensors(index):
    """Return an index with its integer arrays as tensors."""
    return tuple(
        Tensor(item) if isinstance(item, numpy.ndarray) and item.dtype.kind == "i" else item
        for item in index
    )


SHAPES = ((5,), (3, 4), (2, 3, 4), (2, 1, 3, 2))


@settings(max_examples=120)
@given(st.data())
def test_reading_is_that_of_numpy(data):
    shape = data.draw(st.sampled_from(SHAPES))
    index = data.draw(indices(shape, is_advanced=data.draw(st.booleans())))
    array = random_array(shape)
    try:
        expected = array[index]
    except IndexError:  # a mask that does not broadcast with the other arrays
        return
    check(Tensor(array)[index], expected)
    check(Tensor(array)[to_tensors(index)], expected)


@settings(max_examples=120)
@given(st.data())
def test_writing_is_that_of_numpy(data):
    shape = data.draw(st.sampled_from(SHAPES))
    index = data.draw(indices(shape, is_advanced=data.draw(st.booleans())))
    array = random_array(shape)
    try:
        selected = array[index].shape
    except IndexError:
        return
    shrunk = tuple(1 if data.draw(st.booleans()) else size for size in selected)
    value = random_array(shrunk, seed=1)
    for choice in (index, to_tensors(index)):
        tensor, expected = Tensor(array), array.copy()
        before, view = tensor + 0, tensor[index]
        tensor[choice] = Tensor(value)
        expected[index] = value
        check(tensor, expected)
        check(before, array)
        check(view, array[index])


def test_single_items():
    array = random_array((3, 4))
    tensor = Tensor(array)
    for index in (0, -1, slice(1, None), None, Ellipsis, [0, 2], True, False, numpy.int32(1)):
        check(tensor[index], array[index])
    check(tensor[Tensor([1, 0])], array[[1, 0]])
    check(tensor[Tensor(1)], array[1])
    check(tensor[range(2)], array[list(range(2))])
    check(tensor[[]], array[[]])
    check(tensor[[True, False, True]], array[[True, False, True]])
    check(tensor[tensor > 0], array[array > 0])
    check(
        tensor[(tensor > 0)[0], None] if False else tensor[:, array[0] > 0], array[:, array[0] > 0]
    )


def test_two_dimensional_masks_and_scalars():
    array = random_array((3, 4, 2))
    mask = array[..., 0] > 0
    check(Tensor(array)[mask], array[mask])
    check(Tensor(array)[Tensor(mask), 1], array[mask, 1])
    scalar = Tensor(array)
    scalar[scalar > 0] = 5
    expected = array.copy()
    expected[expected > 0] = 5
    check(scalar, expected)
    scalar[Tensor(mask)] = Tensor([1.0, 2.0])
    expected[mask] = [1.0, 2.0]
    check(scalar, expected)


def test_the_last_of_repeated_writes_stays():
    tensor = Tensor.zeros(4)
    tensor[[1, 1, 2]] = Tensor([1.0, 2.0, 3.0])
    assert tensor.tolist() == [0.0, 2.0, 3.0, 0.0]


def test_tensor_indices_out_of_range_are_defined():
    tensor = Tensor([1.0, 2.0, 3.0])
    assert tensor[Tensor([0, 3, -1, -4, 100])].tolist() == [1.0, 0.0, 3.0, 0.0, 0.0]
    tensor[Tensor([0, 3, -4])] = 9.0
    assert tensor.tolist() == [9.0, 2.0, 3.0]


def test_writing_realised_tensors_and_in_place_operators():
    base = Tensor(numpy.arange(6, dtype=numpy.float32)).realize()
    view, copied = base[1:4], base * 2
    base[1:3] = 0.0
    base[5] += 10.0
    base += 1.0
    base.realize()
    assert base.tolist() == [1.0, 1.0, 1.0, 4.0, 5.0, 16.0]
    assert view.tolist() == [1.0, 2.0, 3.0]
    assert copied.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_values_shared_by_two_tensors_are_not_written_through():
    first = Tensor([1.0, 2.0]).realize()
    second, third = Tensor(first), first.reshape(2)
    first[0] = 9.0
    first.realize()
    assert second.tolist() == third.tolist() == [1.0, 2.0]


def test_other_shapes_of_overwritten_memory_keep_their_values():
    base = Tensor(numpy.arange(4, dtype=numpy.float32)).realize()
    row, square, same = base[None], base.reshape(2, 2), base.detach()
    base[:] = 0.0
    base.realize()
    assert row.tolist() == [[0.0, 1.0, 2.0, 3.0]]
    assert square.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert same.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_values_of_other_dtypes():
    tensor = Tensor([1.0, 2.0, 3.0])
    tensor[0] = 7
    tensor[1:] = Tensor([True, False])
    assert tensor.tolist() == [7.0, 1.0, 0.0]
    whole = Tensor([1, 2, 3])
    with pytest.raises(DTypeError, match="value of float32 does not fit"):
        whole[0] = 1.5
    tensor[1] = [4.0]
    assert tensor.tolist() == [7.0, 4.0, 0.0]


def test_iteration_and_membership():
    tensor = Tensor([[1, 2], [3, 4]])
    assert [row.tolist() for row in tensor] == [[1, 2], [3, 4]]
    assert 3 in tensor
    assert 7 not in tensor
    first, second = tensor
    assert first.tolist() == [1, 2]
    assert second.shape == (2,)
    assert len(tensor) == 2


def test_indexing_refuses():
    tensor = Tensor.ones(3, 4)
    with pytest.raises(OutOfRangeError, match="axis 1"):
        tensor[0, 4]
    with pytest.raises(OutOfRangeError, match="from -3 to 2"):
        tensor[[0, 3]]
    with pytest.raises(OutOfRangeError):
        tensor[numpy.array([0, -4])]
    with pytest.raises(ShapeError, match="more indices than axes"):
        tensor[0, 0, 0]
    with pytest.raises(ShapeError, match="mask"):
        tensor[numpy.ones(4, bool)]
    with pytest.raises(ShapeError, match="do not broadcast"):
        tensor[[0, 1], [0, 1, 2]]
    with pytest.raises(ArgumentTypeError, match="one ellipsis"):
        tensor[..., ...]
    with pytest.raises(ArgumentTypeError, match="no index"):
        tensor["a"]
    with pytest.raises(ArgumentTypeError, match="floats"):
        tensor[Tensor([1.0])]
    with pytest.raises(ShapeError, match="does not fit what the index selects"):
        tensor[0] = Tensor.ones(3)
    with pytest.raises(ArgumentTypeError, match="step"):
        tensor[::0]
    assert tensor.dtype is dtypes.float32
