"""The kernel cache on disk: entries survive, damage is noticed, nothing else breaks."""

from __future__ import annotations

import itertools
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilegrad.base.events import CacheEntryCorrupted
from tilegrad.base.trace import Trace
from tilegrad.engine.cache import CacheWarning, DiskCache


def test_entry_is_found_again_by_another_cache(tmp_path: Path) -> None:
    DiskCache(tmp_path, Trace()).put("key", b"binary")
    assert DiskCache(tmp_path, Trace()).get("key") == b"binary"
    assert DiskCache(tmp_path, Trace()).get("other") is None


def test_what_was_not_read_for_a_month_is_removed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, Trace())
    folder = cache.path("0").parent
    neighbours = (key for key in map(str, range(10**5)) if cache.path(key).parent == folder)
    read, unread, young, new = itertools.islice(neighbours, 4)
    ages = {cache.path(read): 40, cache.path(unread): 31, cache.path(young): 29}
    for key in (read, unread, young):
        cache.put(key, key.encode())
    half = folder / "killed.part"
    half.write_bytes(b"half")
    ages[half] = 31
    for path, days in ages.items():
        os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    assert cache.get(read) == read.encode()
    cache.put(new, b"new")
    assert set(folder.iterdir()) == {cache.path(key) for key in (read, young, new)}


@given(damage=st.integers(0, 200), value=st.integers(1, 255))
def test_any_damaged_byte_is_noticed_and_the_entry_removed(
    tmp_path_factory: pytest.TempPathFactory, damage: int, value: int
) -> None:
    trace = Trace()
    cache = DiskCache(tmp_path_factory.mktemp("cache"), trace)
    cache.put("key", bytes(range(256)))
    path = cache.path("key")
    content = bytearray(path.read_bytes())
    content[damage] ^= value
    path.write_bytes(content)
    with trace.record() as recording, pytest.warns(CacheWarning):
        assert cache.get("key") is None
    assert len(recording.find(CacheEntryCorrupted)) == 1
    assert not path.exists()


@pytest.mark.parametrize("length", [0, 5, 30, 49])
def test_truncated_entry_is_noticed(tmp_path: Path, length: int) -> None:
    cache = DiskCache(tmp_path, Trace())
    cache.put("key", b"")
    path = cache.path("key")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.warns(CacheWarning):
        assert cache.get("key") is None


def test_unfinished_entry_of_a_killed_process_is_not_seen(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, Trace())
    path = cache.path("key")
    path.parent.mkdir(parents=True)
    (path.parent / "abc.part").write_bytes(b"half")
    assert cache.get("key") is None
    cache.put("key", b"whole")
    assert cache.get("key") == b"whole"


def test_directory_that_cannot_be_made_is_reported_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    cache = DiskCache(blocked / "kernels", Trace())
    with pytest.warns(CacheWarning, match="TILEGRAD_CACHE_DIRECTORY"):
        cache.put("key", b"binary")
    cache.put("key", b"binary")  # silent: warnings are errors in the tests


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_directory_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.warns(CacheWarning):
        DiskCache(tmp_path, Trace()).put("key", b"binary")
