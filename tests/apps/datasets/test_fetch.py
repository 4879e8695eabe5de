"""Fetching files: from a server on this machine."""

from __future__ import annotations

import fcntl

import pytest

from tests.apps.datasets.server import Files, serve
from tilegrad.apps.datasets.fetch import fetch_file
from tilegrad.base.errors import DataError

CONTENTS = bytes(range(256)) * 1000
NOWHERE = "http://127.0.0.1:9/"


def check(contents: bytes) -> None:
    if contents != CONTENTS:
        raise DataError("these are not the right contents")


def ignore(done: int, total: int | None) -> None:
    pass


def test_a_file_is_fetched_checked_and_put_in_place(tmp_path):
    told = []
    path = tmp_path / "folder" / "file"
    with serve(Files({"file": CONTENTS})) as address:
        fetched = fetch_file(
            [address + "file"], path, check, lambda done, total: told.append((done, total))
        )
    assert fetched == path.read_bytes() == CONTENTS
    assert told[0] == (0, len(CONTENTS))
    assert told[-1] == (len(CONTENTS), len(CONTENTS))
    assert list(path.parent.iterdir()) == [path]


def test_a_broken_fetch_goes_on_where_it_ended(tmp_path):
    files = Files({"file": CONTENTS}, break_after=1000)
    with serve(files) as address:
        with pytest.raises(DataError, match="ended after 1000 of"):
            fetch_file([address + "file"], tmp_path / "file", check, ignore)
        assert not (tmp_path / "file").exists()
        files.break_after = None
        fetch_file([address + "file"], tmp_path / "file", check, ignore)
    assert files.requests == [("file", None), ("file", "bytes=1000-")]
    assert (tmp_path / "file").read_bytes() == CONTENTS


def test_a_server_that_knows_no_ranges_begins_anew(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENTS[:5])
    with serve(Files({"file": CONTENTS}, knows_ranges=False)) as address:
        assert fetch_file([address + "file"], tmp_path / "file", check, ignore) == CONTENTS


def test_a_file_that_was_whole_but_not_yet_in_place_is_used(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENTS)
    with serve(Files({"file": CONTENTS})) as address:
        assert fetch_file([address + "file"], tmp_path / "file", check, ignore) == CONTENTS


def test_wrong_contents_are_thrown_away_and_the_next_server_is_tried(tmp_path):
    wrong = Files({"file": CONTENTS[::-1]})
    with serve(wrong) as first, serve(Files({"file": CONTENTS})) as second:
        urls = [NOWHERE + "file", first + "missing", first + "file", second + "file"]
        assert fetch_file(urls, tmp_path / "file", check, ignore) == CONTENTS


def test_all_failures_are_named(tmp_path):
    with serve(Files({"file": b"wrong"})) as address:
        urls = [NOWHERE + "file", address + "missing", address + "file"]
        with pytest.raises(DataError) as caught:
            fetch_file(urls, tmp_path / "file", check, ignore)
    message = str(caught.value)
    assert "Connection refused" in message
    assert "404" in message
    assert "not the right contents" in message
    assert (tmp_path / "file.part").read_bytes() == b""


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="TILEGRAD_CACHE_DIRECTORY"):
        fetch_file([NOWHERE], tmp_path / "file" / "file", check, ignore)


def test_two_processes_do_not_write_to_one_file(tmp_path):
    with (tmp_path / "file.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process"):
            fetch_file([NOWHERE], tmp_path / "file", check, ignore)
