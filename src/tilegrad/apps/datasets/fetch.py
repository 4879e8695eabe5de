"""Fetching a file over HTTP: resumed where it broke off, checked, and put in place at once."""

from __future__ import annotations

import fcntl
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from tilegrad.base.errors import DataError

_CHUNK = 1 << 16
_TIMEOUT_SECONDS = 30.0


class Meter(Protocol):
    """What is told how far a fetch is."""

    def __call__(self, done: int, total: int | None, /) -> None:
        """Take the bytes that are there and, if it is known, how many there will be."""
        ...


def fetch_file(
    urls: Sequence[str],
    path: Path,
    check: Callable[[bytes], object],
    meter: Meter,
    timeout: float = _TIMEOUT_SECONDS,
) -> bytes:
    """Fetch a file and return its contents.

    What has come so far is kept beside it in a file ending in ``.part``, from which the next try
    goes on. The file itself appears only when it is whole and has passed the check.

    Args:
        urls: where to get it, tried in order.
        path: where to put it; missing folders are made.
        check: raises DataError if contents are not the right ones.
        meter: is told how far it is.
        timeout: seconds without any data after which a server is given up.

    Raises:
        DataError: no server gave the right file, or it cannot be written; the reasons are named.
    """
    failures = []
    part = path.with_name(path.name + ".part")
    try:
        with _open_alone(part) as file:
            for url in urls:
                try:
                    _append_rest(url, file, meter, timeout)
                    contents = _read_all(file)
                    _check_or_empty(check, contents, file)
                except DataError as error:
                    failures.append(f"{url}: {error.what}")
                else:
                    part.replace(path)
                    return contents
    except OSError as error:
        raise DataError(
            f"{path} cannot be written",
            got=error.strerror or error,
            mend="set TILEGRAD_CACHE_DIRECTORY to a folder that may be written to",
        ) from error
    raise DataError(f"{path.name} could not be fetched", got="\n       ".join(failures))


@contextmanager
def _open_alone(part: Path) -> Iterator[BinaryIO]:
    """Open the unfinished file, making it if need be, so that no other process writes to it."""
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                f"{part.stem} is just being fetched by another process",
                mend="try again when that is done",
            ) from error
        yield file


def _append_rest(url: str, file: BinaryIO, meter: Meter, timeout: float) -> None:
    """Append what is missing; begin anew if the server does not know how to go on."""
    start = file.seek(0, 2)
    with _open_url(url, start, timeout) as response:
        if response is None:
            return
        if start and response.status != http.client.PARTIAL_CONTENT:
            file.truncate(start := 0)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        done = start
        meter(done, total)
        while chunk := _receive(response):
            file.write(chunk)
            done += len(chunk)
            meter(done, total)
    file.flush()
    if total is not None and done < total:
        raise DataError(f"the connection ended after {done} of {total} bytes")


@contextmanager
def _open_url(url: str, start: int, timeout: float) -> Iterator[http.client.HTTPResponse | None]:
    """Ask for what follows the first bytes of a file; None if nothing does.

    The addresses are those written in this package.
    """
    request = urllib.request.Request(url)  # noqa: S310
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise DataError(f"the server says {error.code} {error.reason}") from error
        yield None
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"the server cannot be reached: {_reason(error)}") from error
    else:
        with response:
            yield response


def _receive(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise DataError(f"the connection broke: {_reason(error)}") from error


def _reason(error: Exception) -> object:
    return getattr(error, "reason", None) or error


def _read_all(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _check_or_empty(check: Callable[[bytes], object], contents: bytes, file: BinaryIO) -> None:
    """Throw contents away that are not the right ones: going on from them would never end well."""
    try:
        check(contents)
    except DataError:
        file.truncate(0)
        raise
