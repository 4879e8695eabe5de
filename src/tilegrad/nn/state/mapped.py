"""Tensors over arrays in memory that is mapped from a file."""

from __future__ import annotations

from collections.abc import Iterable

import numpy

from tilegrad.engine import current_session
from tilegrad.tensor import Tensor


def wrap_arrays(arrays: Iterable[numpy.ndarray], device: str | None = None) -> list[Tensor]:
    """Return a tensor for each array, over the array's own memory where that can be.

    An array is copied if its elements do not lie in row-major order without gaps, or if its memory
    is also another array's: a tensor is a value, and writing to it must change no other.

    Args:
        arrays: arrays of dtypes that tensors have, in memory that may be written.
        device: where the tensors are to be; the session's default device for None.
    """
    session = current_session()
    name = device or session.default_device
    arrays = list(arrays)
    shared = _find_overlaps(arrays)
    tensors = []
    for place, array in enumerate(arrays):
        copy = place in shared or not array.flags.c_contiguous
        tensors.append(Tensor.from_node(session.from_numpy(array, name, copy=copy), name))
    return tensors


def _find_overlaps(arrays: list[numpy.ndarray]) -> set[int]:
    """Return the places of arrays whose memory overlaps that of one which starts no later."""
    spans = sorted(
        (*numpy.lib.array_utils.byte_bounds(array), place)
        for place, array in enumerate(arrays)
        if array.size
    )
    overlapping, reached = set(), 0
    for start, end, place in spans:
        if start < reached:
            overlapping.add(place)
        reached = max(reached, end)
    return overlapping
