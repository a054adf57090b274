"""The page that people leave by: a small web application, without cookies, scripts or anything from elsewhere.

POST leaves, whether a mail program sends it (one-click, RFC 8058) or the page's own button; GET only shows that button,
since scanners of mail follow every link. What must not live here: what leaving does (the ledger), the look (page.py).
"""

from collections.abc import Callable
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from batch_pipelines.campaigns.leaving.page import page
from batch_pipelines.campaigns.messages.tokens import Secret, Subscription, read_token

LONGEST_TOKEN = 1000
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


class LeavingDesk(Protocol):
    """Keeps who has left."""

    def leave(self, subscription: Subscription) -> None:
        """Take an address off a list; again and again is the same as once."""
        ...

    def check(self) -> None:
        """Raise if nothing can be kept now."""
        ...


def web_app(secret: Secret, desk: LeavingDesk, title: Callable[[Subscription], str], path: str = "/u") -> Starlette:
    """Return the application.

    Args:
        secret: What tokens are sealed with.
        desk: Keeps who has left.
        title: What people call what they leave, e.g. `Punctuality digest`.
        path: Where tokens follow: the path of `unsubscribe` in the campaign's YAML.
    """

    def subscription_of(request: Request) -> Subscription | None:
        token: str = request.path_params["token"]
        return read_token(secret, token) if len(token) <= LONGEST_TOKEN else None

    def show(request: Request) -> Response:
        subscription = subscription_of(request)
        if not subscription:
            return _damaged()
        name = title(subscription)
        return _html(
            page(
                "Unsubscribe?",
                f"{masked(subscription.address)} will no longer receive {name}.",
                button="Unsubscribe",
            )
        )

    def leave(request: Request) -> Response:
        subscription = subscription_of(request)
        if not subscription:
            return _damaged()
        desk.leave(subscription)
        name = title(subscription)
        return _html(page("You are unsubscribed", f"{masked(subscription.address)} will not receive {name} again."))

    def health(_request: Request) -> Response:
        try:
            desk.check()
        except Exception as error:  # noqa: BLE001  whatever it is, nobody can leave now, and the watcher is told
            return PlainTextResponse(f"away: {type(error).__name__}\n", 503, headers=HEADERS)
        return PlainTextResponse("ok\n", headers=HEADERS)

    def lost(_request: Request, _error: Exception) -> Response:
        return _html(page("Nothing here", "This address leads nowhere."), 404)

    def broken(_request: Request, _error: Exception) -> Response:
        text = "Nothing was changed. Please try again in a few minutes."
        return _html(page("That did not work", text), 503)

    prefix = path.rstrip("/")
    return Starlette(
        routes=[
            Route(f"{prefix}/{{token}}", show, methods=["GET"]),
            Route(f"{prefix}/{{token}}", leave, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ],
        exception_handlers={404: lost, 500: broken},
    )


def masked(address: str) -> str:
    """Return an address as its owner knows it and others don't: `a…@example.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _damaged() -> Response:
    text = "Part of it seems to be missing. Please use the link in the mail, whole, or answer the mail."
    return _html(page("This link is damaged", text), 404)


def _html(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=HEADERS)
