"""What is found out about the sources of a scatter."""

from tilegrad.ir.dtype import dtypes
from tilegrad.ops.conversion import cast_to
from tilegrad.ops.indexing import scatter_into
from tilegrad.ops.leaves import BufferAttributes, Storage, buffer, constant
from tilegrad.ops.movement import expand_to, filled, permute_axes, reshape_to
from tilegrad.ops.positions import position_along
from tilegrad.ops.scatter_sources import find_scatter_sources, stored_sources


def tensor(shape, dtype=dtypes.float32):
    storage = Storage("cpu", dtype, 1000)
    return buffer(attributes=BufferAttributes(storage, shape, 0))


def test_constant_base_and_positions_are_not_stored():
    base, updates = filled(0, dtypes.float32, (6, 5)), tensor((4, 5))
    index = tensor((4, 5), dtypes.int64)
    counted = expand_to(reshape_to(position_along((5,), 0), (1, 5)), (4, 5))
    node = scatter_into(base, updates, (index, counted), (0, 1), "add")
    found = find_scatter_sources(node)
    assert found == ((dtypes.int64, 1), 0.0, (updates, index))
    assert stored_sources(node) == (updates, index)


def test_real_bases_and_indices_are_stored():
    base, updates, index = tensor((6, 5)), tensor((4, 5)), tensor((4,), dtypes.int32)
    node = scatter_into(base, updates, (index,), (0,), "set")
    assert find_scatter_sources(node) == ((dtypes.int32,), None, (base, updates, index))


def test_one_axis_is_the_position_of_one_index_only():
    places = position_along((4,), 0)
    node = scatter_into(tensor((6, 6)), tensor((4,)), (places, places), (0, 1), "set")
    assert find_scatter_sources(node).indices == (0, dtypes.int64)


def test_positions_are_followed_through_movements():
    turned = permute_axes(position_along((3, 4), 1), (1, 0))
    flat = reshape_to(position_along((3, 4), 1), (12,))
    narrow = cast_to(position_along((4, 3), 0), dtypes.int8)
    plain = cast_to(position_along((4, 3), 0), dtypes.int32)
    found = []
    for index in (turned, narrow, plain):
        node = scatter_into(tensor((6,)), tensor((4, 3)), (index,), (0,), "add")
        found += find_scatter_sources(node).indices
    assert found == [0, dtypes.int8, 0]
    node = scatter_into(tensor((6,)), tensor((12,)), (flat,), (0,), "add")
    assert find_scatter_sources(node).indices == (dtypes.int64,)
    same = constant(2, dtypes.int64)
    node = scatter_into(tensor((6,)), tensor(()), (same,), (0,), "add")
    assert find_scatter_sources(node).indices == (dtypes.int64,)
