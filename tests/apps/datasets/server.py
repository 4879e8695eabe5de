"""A small HTTP server of files in memory, which can break off, refuse ranges or be damaged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Files:
    """What is served, and how.

    Attributes:
        contents: the files by name.
        break_after: how many bytes of an answer are sent before the connection is cut.
        knows_ranges: whether a part of a file can be asked for.
        requests: name and asked-for range of each request so far.
    """

    contents: dict[str, bytes]
    break_after: int | None = None
    knows_ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serve(files: Files) -> Iterator[str]:
    """Serve on a free port of this machine; gives the address of the folder."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, asked = self.path.lstrip("/"), self.headers.get("Range")
            files.requests.append((name, asked))
            contents = files.contents.get(name)
            if contents is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if not files.knows_ranges:
                start = 0
            elif asked and start >= len(contents):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(contents) - start))
            self.end_headers()
            self.wfile.write(contents[start:][: files.break_after])

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
