"""A webhook: one POST of JSON that says which files there are, at least once, always under the same key.

The receiver tells repeats by the header `Idempotency-Key`. Files are named with hash and link, not sent along.
"""

import json
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from batch_pipelines.core.delivered import DeliveryKey
from batch_pipelines.delivery.channels import Delivered, Ending, Go, Parcel, Refused

TIMEOUT_S = 10.0
ANSWER_BYTES = 300
RETRY_CODES = frozenset({408, 425, 429})
SERVER_ERROR = 500


class WebhookChannel:
    """Posts to the recipient, a URL.

    Args:
        timeout_s: Seconds to wait for a connection, and for each piece of the answer.
    """

    name = "webhook"
    repeatable = True

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._opener = build_opener(_NoRedirects, HTTPSHandler(context=ssl.create_default_context()))

    def send(self, parcel: Parcel, key: DeliveryKey, go: Go) -> Ending:
        """See `Channel`."""
        if problem := url_problem(key.recipient):
            return Refused(problem, again=False)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "batch_pipelines",
            "Idempotency-Key": key.idempotency_key,
            **parcel.headers,
        }
        body = posted(parcel)
        request = Request(key.recipient, body, headers, method="POST")  # noqa: S310  http and https only, see above
        go()
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return Delivered(f"HTTP {answer.status}")
        except HTTPError as error:
            with error:
                said = error.read(ANSWER_BYTES).decode(errors="replace").strip()
            again = error.code in RETRY_CODES or error.code >= SERVER_ERROR
            return Refused(" ".join(f"HTTP {error.code} {error.reason}: {said}".split()), again=again)
        except (URLError, HTTPException, OSError) as error:  # a timeout, too: it may have arrived, and goes again
            return Refused(f"no answer: {getattr(error, 'reason', error) or type(error).__name__}", again=True)


def posted(parcel: Parcel) -> bytes:
    """Return what is posted, the same bytes every time."""
    body = {
        "report": parcel.report,
        "partition": parcel.partition,
        "burst": parcel.burst or None,
        "title": parcel.title,
        "summary": parcel.summary,
        "files": [
            {
                "name": file.name,
                "size": file.size,
                "sha256": file.sha256,
                "media_type": file.media_type,
                "link": file.link,
            }
            for file in parcel.files
        ],
    }
    return json.dumps(body, sort_keys=True).encode()


def url_problem(url: str) -> str | None:
    """Return what is wrong with the address of a webhook, None if nothing is."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        return f"{url!r} is not a URL: {error}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url!r} is not the address of a webhook; write for example https://hooks.example.com/reports"
    return None


class _NoRedirects(HTTPRedirectHandler):
    """What answers with another place is refused: a POST must not turn into a GET that looks like success."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Go nowhere."""
