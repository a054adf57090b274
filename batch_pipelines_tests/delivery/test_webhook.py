"""Webhooks against a real server on this machine: what is posted, and what each answer means."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.delivery.channels import Delivered, Ending, Parcel, Refused
from batch_pipelines.delivery.webhook import WebhookChannel
from batch_pipelines_tests.delivery.parcels import parcel


class Hook(HTTPServer):
    """Answers every POST with one code."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.posts: list[tuple[dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Keep it, answer."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posts.append((dict(self.headers), body))
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
    with Hook(code) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def post(made: Parcel, url: str) -> tuple[Ending, DeliveryKey]:
    key = DeliveryKey(made.report, made.partition, made.burst, "webhook", url, made.content)
    return WebhookChannel(timeout_s=5).send(made, key, lambda: None), key


def test_it_posts_what_there_is_under_its_key(tmp_path: Path) -> None:
    made = replace(parcel(tmp_path, pdf=b"%PDF"), headers={"Authorization": "Bearer x"})
    with hook(204) as server:
        ending, key = post(made, server.url)
    assert ending == Delivered("HTTP 204")
    ((headers, body),) = server.posts
    assert headers["Idempotency-Key"] == key.idempotency_key
    assert headers["Authorization"] == "Bearer x"
    assert (body["report"], body["partition"], body["burst"]) == ("daily", "2013-01-15", None)
    (file,) = body["files"]
    assert file == {
        "name": "daily.pdf",
        "size": 4,
        "sha256": made.files[0].sha256,
        "media_type": "application/pdf",
        "link": "data/reports/daily.pdf",
    }


@pytest.mark.parametrize(
    ("code", "again"), [(500, True), (503, True), (429, True), (408, True), (400, False), (404, False), (302, False)]
)
def test_every_answer_has_its_end(tmp_path: Path, code: int, *, again: bool) -> None:
    with hook(code) as server:
        ending, _ = post(parcel(tmp_path, pdf=b"%PDF"), server.url)
    assert isinstance(ending, Refused)
    assert ending.again is again
    assert ending.detail.startswith(f"HTTP {code} ")
    assert len(server.posts) == 1


def test_no_answer_is_tried_again(tmp_path: Path) -> None:
    with hook(0) as server:
        ending, _ = post(parcel(tmp_path, pdf=b"%PDF"), server.url)
    assert isinstance(ending, Refused)
    assert ending.again
    assert ending.detail.startswith("no answer: ")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.com/x", "hooks", "http://", "http://[x"])
def test_only_http_is_spoken(tmp_path: Path, url: str) -> None:
    ending, _ = post(parcel(tmp_path, pdf=b"%PDF"), url)
    assert isinstance(ending, Refused)
    assert not ending.again
