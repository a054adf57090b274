"""A receiver of webhooks on this machine, for tests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


class Hook(HTTPServer):
    """Answers every POST with one code."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.posts: list[tuple[dict[str, str], Any]] = []
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Keep it, answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.server.posts.append((dict(self.headers), json.loads(body)))
        if self.server.code == 0:  # the connection ends without an answer
            return
        self.send_response(self.server.code)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"because\nI say so")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def hook(code: int) -> Iterator[Hook]:
    """A hook that answers so (0: not at all), while the block runs."""
    with Hook(code) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
