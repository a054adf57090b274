"""Webhooks against a real server on this machine: what is posted, and what each answer means."""

from dataclasses import replace
from pathlib import Path

import pytest

from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.delivery.channels import Delivered, Ending, Parcel, Refused
from batch_pipelines.delivery.webhook import WebhookChannel
from batch_pipelines_tests.delivery.hooks import hook
from batch_pipelines_tests.delivery.parcels import parcel


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
