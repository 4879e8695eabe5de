"""What is known of a kernel's accesses."""

from __future__ import annotations

import pytest

from tilegrad.ir.dtype import dtypes
from tilegrad.ops import kernel, memory, symbolic
from tilegrad.ops.affine import as_node
from tilegrad.tile.facts import IRREGULAR, PATTERNED, Facts


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize(("scale", "expected"), [(1, PATTERNED), (9, IRREGULAR)])
def test_halves_of_a_shifted_axis_repeat_a_pattern_as_those_of_the_axis_do(shift, scale, expected):
    axis = kernel.make_axis("i0", 32)
    half = symbolic.floor_divide(symbolic.add(axis, shift), 2)
    offset = as_node(symbolic.add(symbolic.multiply(half, scale), 1))
    value = memory.make_load(memory.make_parameter(1, dtypes.float32), offset)
    root = kernel.kernel(memory.make_store(memory.make_parameter(0, dtypes.float32), axis, value))
    assert Facts(root).stride(value, axis) == expected
