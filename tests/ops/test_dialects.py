"""What the dialects refuse."""

import pytest
from hypothesis import given

from tests.ir.tile_programs import tile_programs
from tilegrad.base.errors import VerifyError
from tilegrad.ir.dtype import dtypes
from tilegrad.ops.build import Builder
from tilegrad.ops.dialects import DIALECTS, tiles
from tilegrad.ops.leaves import constant
from tilegrad.ops.memory import make_parameter, make_store
from tilegrad.ops.movement import filled
from tilegrad.ops.tile import block, make_loop, make_loop_index, make_program

ONE = constant(1.0, dtypes.float32)
Y = make_parameter(0, dtypes.float32)


@given(tile_programs())
def test_programs_of_the_builder_are_accepted(root):
    tiles.verify([root])


def refusal(root) -> str:
    with pytest.raises(VerifyError) as caught:
        tiles.verify([root])
    return str(caught.value)


def test_effects_are_performed_once():
    first = make_store(Y, 0, ONE)
    after = make_store(Y, 1, ONE, after=first)
    assert "performed by nothing" in refusal(make_program("p", [], [after]))
    assert "performed twice" in refusal(make_program("p", [], [first, after, block(first)]))
    tiles.verify([make_program("p", [], [first, after])])


def test_loops_have_numbers_of_their_own():
    loops = []
    for stop in (3, 4):
        index = make_loop_index(0, 0, stop)
        loops.append(make_loop(index, effects=[make_store(Y, index, ONE)]))
    assert "two loops have one number" in refusal(make_program("p", [], loops))
    stray = make_store(Y, make_loop_index(5, 0, 4), ONE)
    assert "belongs to no loop" in refusal(make_program("p", [], [stray]))
    other = make_store(Y, make_loop_index(0, 0, 4), ONE)
    loop = make_loop(make_loop_index(0, 0, 3), effects=[other])
    assert "differs from its loop" in refusal(make_program("p", [], [loop]))


def test_tiles_have_known_sizes():
    build = Builder("p")
    y, n = build.output(dtypes.float32, 4), build.scalar("n", 4)
    build.store(y, 0, filled(1.0, dtypes.float32, (n,)))  # type: ignore[arg-type]
    assert "a tile has a symbolic size" in refusal(build.program().root)


def test_names_of_ops_are_unique():
    for dialect in DIALECTS:
        assert len(dialect.by_name) == len(set(dialect.ops)) == len(dialect.ops)
