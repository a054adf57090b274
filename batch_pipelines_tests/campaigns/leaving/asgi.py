"""A client of a web application in this process: Starlette's own wants a library that is not here."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


def ask(app: Starlette, method: str, path: str, body: bytes = b"") -> Answer:
    """Send one request; what the application raises after it has answered is its own affair."""
    return asyncio.run(_ask(app, method, path, body))


async def _ask(app: Starlette, method: str, path: str, body: bytes) -> Answer:
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"news.example.com")], "server": ("news.example.com", 443), "client": ("192.0.2.1", 9),
    }  # fmt: skip
    with suppress(ConnectionError):
        await app(scope, receive, send)
    start, *rest = said
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in rest).decode())
