"""What blocks of a stream's rows take, counted from the mask itself."""

from __future__ import annotations

import math

import numpy
import pytest

from tilegrad import Tensor
from tilegrad.engine.explain import explain
from tilegrad.tile.streams.blocks import LAYING, WEIGHING, measure_blocks
from tilegrad.tile.streams.reach import find_limits
from tilegrad.tile.streams.stream import Stream, find_stream

HEADS, LENGTH, WIDTH = 3, 250, 32
PLACE = numpy.arange(LENGTH)
MASKS = {
    "full": PLACE[:, None] >= 0 * PLACE,
    "causal": PLACE[:, None] >= PLACE,
    "window": (PLACE[:, None] >= PLACE) & (PLACE[:, None] < PLACE + 70),
}


def stream_of(name: str) -> Stream:
    tensors = (Tensor.zeros(HEADS, LENGTH, WIDTH).contiguous().realize() for _ in range(3))
    query, key, value = tensors
    place = Tensor.arange(LENGTH)
    ahead = place.reshape(-1, 1) - place.reshape(1, -1)
    seen = {"full": ahead == ahead, "causal": ahead >= 0, "window": (ahead >= 0) & (ahead < 70)}
    scores = query @ key.transpose(1, 2)
    if name != "full":
        scores = seen[name].where(scores, -math.inf)
    (kernel,) = explain(scores.softmax() @ value).kernels
    stream = find_stream(kernel.step.program.kernel)
    assert stream is not None
    return stream


@pytest.mark.parametrize("block", [(1, 48), (4, 48), (2, 24)])
@pytest.mark.parametrize("name", MASKS)
def test_work_is_what_the_mask_leaves_of_the_steps_of_each_band(name, block):
    stream = stream_of(name)
    found = measure_blocks(stream, find_limits(stream), WIDTH, block, threads=1)
    mask, (bands, band) = MASKS[name], block

    def steps(first: int, count: int) -> int:
        seen = numpy.flatnonzero(mask[first : first + count].any(0))
        return int(seen[-1] - seen[0] + 1)

    laid = sum(steps(first, bands * band) for first in range(0, LENGTH, bands * band))
    weighed = sum(steps(one, band) * min(band, LENGTH - one) for one in range(0, LENGTH, band))
    wanted = LAYING * WIDTH * laid + (2 * WIDTH + WEIGHING) * weighed
    assert found == HEADS * wanted


def test_several_threads_wait_for_the_largest_block():
    stream = stream_of("full")
    limits = find_limits(stream)
    alone, shared = (measure_blocks(stream, limits, WIDTH, (6, 48), count) for count in (1, 2))
    assert alone is not None
    assert shared is not None
    assert shared > 4 / 3 * alone  # three matrices for two threads
