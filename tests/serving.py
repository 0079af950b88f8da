"""Folders served over HTTP on this machine, for tests that need an address."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass(frozen=True)
class Site:
    """A folder of pages, and the address it is served at."""

    address: str
    folder: Path

    def url(self, page: str, more: str = "") -> str:
        """Return the address of a page, ``more`` being its query or its anchor."""
        return f"{self.address}{page}.html{more}"


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without printing a line a request."""

    def log_message(self, *args) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[Site]:
    """Serve a folder on this machine, at a port that is free."""
    handler = partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(f"http://127.0.0.1:{server.server_port}/", folder)
        server.shutdown()
