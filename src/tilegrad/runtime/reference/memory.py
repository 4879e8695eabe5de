"""Memory as the interpreter sees it: a flat array, and what has happened to each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from tilegrad.base.errors import ArgumentError, OutOfRangeError, VerifyError

Array = numpy.ndarray[Any, Any]
Combine = Callable[[Any, Any], Any]

_NOBODY = -1
_SEVERAL = -2


class Memory:
    """The elements behind a pointer.

    Args:
        name: what the pointer is, for messages.
        elements: the flat array.
        is_defined: whether the elements mean something at the start.
        is_shared: whether several instances use it.
    """

    def __init__(self, name: str, elements: Array, *, is_defined: bool, is_shared: bool) -> None:
        self.name = name
        self.elements = elements
        self._is_shared = is_shared
        self._written_at = numpy.full(elements.size, 0 if is_defined else -1, numpy.int64)
        self._written_by = numpy.full(elements.size, _NOBODY, numpy.int64)
        self._read_by = numpy.full(elements.size, _NOBODY, numpy.int64)
        self._updated_by = numpy.full(elements.size, _NOBODY, numpy.int64)

    def check_bounds(self, offsets: Array) -> None:
        """Refuse offsets outside the memory.

        Raises:
            OutOfRangeError: names the first such offset.
        """
        is_outside = (offsets < 0) | (offsets >= self.elements.size)
        if is_outside.any():
            raise OutOfRangeError(
                f"an offset lies outside {self.name}",
                got=f"offset {offsets[is_outside][0]}",
                expected=f"0 to {self.elements.size - 1}, or a mask that is false there",
            )

    def check_read(self, offsets: Array, ordered_until: int, instance: int) -> None:
        """Refuse to read what is undefined, or what this instance wrote in no stated order.

        Args:
            offsets: what is read.
            ordered_until: time up to which the load is known to come after the writes.
            instance: the one that reads.

        Raises:
            VerifyError: names the first such offset.
        """
        times = self._written_at[offsets]
        if (times < 0).any():
            raise VerifyError(
                f"a load reads an element of {self.name} that nothing has written",
                got=f"offset {offsets[times < 0][0]}",
            )
        is_own = (self._written_by[offsets] == instance) | (self._updated_by[offsets] == instance)
        is_unordered = (times > ordered_until) & is_own
        if is_unordered.any():
            raise VerifyError(
                f"a load reads an element of {self.name} that the program has written, "
                "and nothing says which comes first",
                got=f"offset {offsets[is_unordered][0]}",
                expected="a load that names the store that it comes after, and no other store "
                "to that place between the two",
            )

    def note_reader(self, offsets: Array, instance: int) -> None:
        """Refuse to read what another instance wrote; remember the reader.

        Raises:
            VerifyError: names the first such offset.
        """
        if self._is_shared:
            self._refuse_others(offsets, self._written_by[offsets], instance)
            self._refuse_others(offsets, self._updated_by[offsets], instance)
            self._add_user(self._read_by, offsets, instance)

    def note_writer(self, offsets: Array, values: Array, instance: int) -> None:
        """Refuse to write what another instance read, or wrote with another value.

        Tiles may overlap where all of them have the same results.

        Raises:
            VerifyError: names the first such offset.
        """
        if self._is_shared:
            before = self.elements[offsets]
            is_same = (before == values) | (numpy.isnan(before) & numpy.isnan(values))
            different = offsets[~is_same]
            self._refuse_others(different, self._written_by[different], instance)
            self._refuse_others(offsets, self._read_by[offsets], instance)
            self._refuse_others(offsets, self._updated_by[offsets], instance)

    def note_updater(self, offsets: Array, instance: int) -> None:
        """Refuse to update what another instance stored or read; remember who updates.

        Raises:
            VerifyError: names the first such offset.
        """
        if self._is_shared:
            self._refuse_others(offsets, self._written_by[offsets], instance)
            self._refuse_others(offsets, self._read_by[offsets], instance)
        self._add_user(self._updated_by, offsets, instance)

    @staticmethod
    def _add_user(users: Array, offsets: Array, instance: int) -> None:
        """Note that an instance uses elements, too."""
        before = users[offsets]
        is_alone = (before == _NOBODY) | (before == instance)
        users[offsets] = numpy.where(is_alone, instance, _SEVERAL)

    def _refuse_others(self, offsets: Array, users: Array, instance: int) -> None:
        is_other = (users != _NOBODY) & (users != instance)
        if is_other.any():
            raise VerifyError(
                f"two instances of the program meet in an element of {self.name}",
                got=f"offset {offsets[is_other][0]}",
                expected="elements that one instance writes and no other touches "
                "(but to write the same), or that instances only update atomically",
            )

    def write(self, offsets: Array, values: Array, time: int, instance: int) -> None:
        """Write elements; where offsets repeat, the last value stays.

        Raises:
            ArgumentError: the array is read-only.
        """
        self._check_writeable()
        self.elements[offsets] = values
        self._written_at[offsets] = time
        self._written_by[offsets] = instance

    def update(self, combine: Combine, offsets: Array, values: Array, time: int) -> Array:
        """Replace elements by what they and the values combine to, one after the other.

        Returns:
            What each element was just before.

        Raises:
            ArgumentError: the array is read-only.
        """
        self._check_writeable()
        before = numpy.empty(offsets.shape, self.elements.dtype)
        for place, (offset, value) in enumerate(zip(offsets, values, strict=True)):
            before[place] = self.elements[offset]
            self.elements[offset] = combine(before[place], value)
        self._written_at[offsets] = time
        return before

    def _check_writeable(self) -> None:
        if not self.elements.flags.writeable:
            raise ArgumentError(f"the program writes to {self.name}", got="a read-only array")
