"""Launches laid out in memory for the native code to run."""

from __future__ import annotations

import bisect
import itertools
from array import array
from collections.abc import Sequence

from tilegrad.base.errors import ArgumentError
from tilegrad.runtime.cpu import layout
from tilegrad.runtime.device import Launch

_NEVER = (1 << 62) - 1


class CpuRecording:
    """Groups of launches; a group's launches are cut into units that any thread may take.

    Launches are numbered through all groups. Nothing may be patched while it runs.

    Args:
        groups: run in order, each after all of the one before is done.
        keep: what must live as long as this: programs and buffers whose addresses it holds.
        is_timed: whether each run notes when each launch starts and ends.

    Attributes:
        arguments: the arguments of all launches, one after the other.
        is_timed: whether times are noted; `note_times` changes it.
        handle: the native functions know the recording by it.
    """

    def __init__(
        self,
        groups: Sequence[Sequence[Launch]],
        *,
        keep: Sequence[object] = (),
        is_timed: bool = False,
    ) -> None:
        launches = [launch for group in groups for launch in group]
        self.is_timed = False
        self._keep = tuple(keep)
        self._groups = self._number_groups(groups)
        counts = [len(launch.arguments) for launch in launches]
        self._first_slots = [0, *itertools.accumulate(counts)]
        self._group_records = layout.RECORDING_WORDS
        size = layout.GROUP_WORDS * len(groups)
        self._launch_records = self._group_records + -(-size // layout.LINE) * layout.LINE
        self._spans = self._launch_records + layout.LAUNCH_WORDS * len(launches)
        spans, places = _list_spans(groups)
        self._slots = self._spans + len(spans)
        self._times = self._slots + self._first_slots[-1]
        memory = layout.SharedWords(self._times + 2 * len(launches))
        self.handle, self._words = memory.handle, memory.words
        self._address = memory.address
        self.arguments = self._words[self._slots : self._times]
        self._write_records(launches)
        for group in range(len(groups)):
            self._divide(group)
        self._words[self._spans : self._slots] = array("q", spans)
        self._announce(places)
        if is_timed:
            self.note_times(True)

    def note_times(self, is_timed: bool) -> None:
        """Set whether each run notes when each launch starts and ends."""
        self.is_timed = is_timed
        for number in range(len(self._first_slots) - 1):
            address = self._at(self._times + 2 * number) if is_timed else 0
            self._words[self._record(number) + layout.TIMES] = address

    @staticmethod
    def _number_groups(groups: Sequence[Sequence[Launch]]) -> list[range]:
        """Return the numbers of each group's launches."""
        ends = [0, *itertools.accumulate(len(group) for group in groups)]
        return [range(start, end) for start, end in itertools.pairwise(ends)]

    def _at(self, word: int) -> int:
        return self._address + word * layout.WORD

    def _record(self, launch: int) -> int:
        return self._launch_records + launch * layout.LAUNCH_WORDS

    def _write_records(self, launches: list[Launch]) -> None:
        words = self._words
        words[layout.GROUPS] = self._at(self._group_records)
        words[layout.GROUP_COUNT] = len(self._groups)
        words[layout.LAUNCHES] = self._at(self._launch_records)
        words[layout.LAUNCH_COUNT] = len(launches)
        for number, launch in enumerate(launches):
            if launch.chunk < 1 or launch.blocks < 0:
                raise ArgumentError(
                    "A launch needs a grid and a chunk to hand out",
                    got=f"{launch.blocks} blocks in chunks of {launch.chunk}",
                    expected="0 or more blocks, chunks of at least 1",
                )
            record, slot = self._record(number), self._slots + self._first_slots[number]
            words[record + layout.KERNEL] = launch.kernel
            words[record + layout.FINISH] = launch.finish
            words[record + layout.ARGUMENTS] = self._at(slot)
            words[record + layout.BLOCKS] = launch.blocks
            words[record + layout.CHUNK] = launch.chunk
            for offset, value in enumerate(launch.arguments):
                words[slot + offset] = value

    def _divide(self, group: int) -> None:
        """Number the units of a group's launches."""
        words, members = self._words, self._groups[group]
        total = 0
        for launch in members:
            record = self._record(launch)
            units = -(-words[record + layout.BLOCKS] // words[record + layout.CHUNK])
            if words[record + layout.FINISH]:
                units = max(units, 1)  # the finish function runs after no blocks too
            words[record + layout.FIRST_UNIT] = total
            words[record + layout.UNITS] = words[record + layout.REMAINING] = units
            total += units
        record = self._group_records + group * layout.GROUP_WORDS
        words[record + layout.GROUP_LAUNCHES] = self._at(self._record(members.start))
        words[record + layout.GROUP_UNITS] = total

    def _announce(self, places: Sequence[int]) -> None:
        """Note for each group the spans that the next one reads that is divided, too.

        Those between them run on the calling thread. After the last comes the first: a recording is
        mostly run again.
        """
        words = self._words
        records = [self._group_records + group * layout.GROUP_WORDS for group in range(len(places))]
        for record in records:
            words[record + layout.GROUP_AHEAD] = self._at(self._spans)
        divided = [n for n, record in enumerate(records) if words[record + layout.GROUP_UNITS] > 1]
        for group, following in zip(divided, divided[1:] + divided[:1], strict=True):
            words[records[group] + layout.GROUP_AHEAD] = self._at(self._spans + places[following])

    def place_of(self, launch: int, slot: int) -> int:
        """Return where a launch's argument is in `arguments`; raises IndexError if nowhere."""
        place = self._first_slots[launch] + slot
        if slot < 0 or place >= self._first_slots[launch + 1]:
            raise IndexError(f"launch {launch} has no argument {slot}")
        return place

    def set_blocks(self, launch: int, blocks: int) -> None:
        """Replace the size of a launch's grid; raises ArgumentError if it is negative."""
        if blocks < 0:
            raise ArgumentError("A grid cannot be negative", got=blocks, expected="0 or more")
        place = self._record(launch) + layout.BLOCKS
        if self._words[place] != blocks:
            self._words[place] = blocks
            self._divide(bisect.bisect(self._groups, launch, key=lambda group: group.start) - 1)

    def clear_times(self) -> None:
        """Forget the last run's times; the queue does so before a run."""
        for number in range(len(self._first_slots) - 1):
            self._words[self._times + 2 * number] = _NEVER
            self._words[self._times + 2 * number + 1] = 0

    def times(self) -> list[tuple[int, int]]:
        """Return when each launch started and ended, in nanoseconds of `time.monotonic_ns`.

        A launch that did not run has an end of 0. Raises ArgumentError if it was not to be timed.
        """
        if not self.is_timed:
            raise ArgumentError(
                "This recording notes no times", mend="call note_times(True) before it runs"
            )
        times = self._words[self._times :].tolist()
        return list(zip(times[::2], times[1::2], strict=True))


def _list_spans(groups: Sequence[Sequence[Launch]]) -> tuple[list[int], list[int]]:
    """Return what groups read, as the pool has it, first nothing; and where each group's is."""
    spans, places = [0] * layout.AHEAD_WORDS, list[int]()
    for group in groups:
        read = [*dict.fromkeys(span for launch in group for span in launch.reads)][-layout.SPANS :]
        places.append(len(spans) if read else 0)
        if read:
            ends = [end for first, size in read for end in (first, first + size)]
            spans += ends + [0] * (layout.AHEAD_WORDS - len(ends))
    return spans, places
