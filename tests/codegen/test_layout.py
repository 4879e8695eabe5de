"""Tiles cut into vectors."""

from __future__ import annotations

import numpy
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.codegen.layout import (
    broadcast_map,
    count_vectors,
    cut_axis,
    pieces_of,
)

LANES = st.sampled_from([1, 2, 4, 8, 16, 64])


@given(st.integers(0, 300), LANES)
def test_pieces_cover_an_axis_in_powers_of_two(size: int, lanes: int) -> None:
    pieces = cut_axis(size, lanes)
    covered = [i for piece in pieces for i in range(piece.start, piece.start + piece.width)]
    assert covered == list(range(size))
    assert all(piece.width & (piece.width - 1) == 0 and piece.width <= lanes for piece in pieces)
    assert len(pieces) <= size // lanes + lanes.bit_length()


@given(st.data(), st.lists(st.integers(1, 5), max_size=3), st.integers(1, 40), LANES)
def test_broadcasting_picks_the_right_vectors(
    data: st.DataObject, rows: list[int], columns: int, lanes: int
) -> None:
    result = (*rows, columns)
    source = tuple(data.draw(st.sampled_from([1, size])) for size in result)
    if data.draw(st.booleans()):
        source = ()
    own = numpy.arange(max(1, int(numpy.prod(source)))).reshape(source)
    expected = numpy.broadcast_to(own, result).reshape(-1, columns)
    vectors = [
        row[piece.start : piece.start + piece.width]
        for row in own.reshape(-1, source[-1] if source else 1)
        for piece in pieces_of(source, lanes)
    ]
    picked = broadcast_map(source, result, lanes)
    assert len(picked) == count_vectors(result, lanes)
    wanted = [
        row[piece.start : piece.start + piece.width]
        for row in expected
        for piece in pieces_of(result, lanes)
    ]
    for (number, width), lane in zip(picked, wanted, strict=True):
        found = numpy.repeat(vectors[number], width) if width else vectors[number]
        assert (found == lane).all()
