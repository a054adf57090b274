"""`bp web`: the page that people leave mailing lists by."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.console import say

if TYPE_CHECKING:
    from batch_pipelines.campaigns.messages.tokens import Subscription


def web(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8025,
    path: Annotated[str, typer.Option("--path", help="Where tokens follow, as in `unsubscribe` in YAML.")] = "/u",
) -> None:
    """Serve the unsubscribe page, and /health, until Ctrl-C.

    Put it behind your web server's https: mail programs offer one-click unsubscribe for https addresses only. GET
    shows a button, POST unsubscribes. All processes need the same BP_SECRET, or the same data folder.
    """
    import uvicorn

    from batch_pipelines.campaigns.leaving.leaving import LedgerDesk
    from batch_pipelines.campaigns.leaving.web import web_app
    from batch_pipelines.campaigns.messages.tokens import load_secret
    from batch_pipelines.core.ledger.ledger import open_ledger

    found = places.settings()
    secret = load_secret(os.environ, found.data)
    ledger = open_ledger(found.ledger_url)
    try:
        say(f"http://{host}:{port}{path.rstrip('/')}/<token> unsubscribes; /health is for your monitoring")
        uvicorn.run(
            web_app(secret, LedgerDesk(ledger), _title, path), host=host, port=port, log_level="warning",
            server_header=False,
        )  # fmt: skip
    finally:
        ledger.close()


def _title(subscription: "Subscription") -> str:
    """What people call what they leave: the list's name."""
    from batch_pipelines.presentation.words import title_of

    return "any of our mail" if subscription.scope == "*" else title_of(subscription.scope)
