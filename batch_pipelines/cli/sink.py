"""`bp sink`: a local SMTP server that keeps mail, and misbehaves on request."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import say
from batch_pipelines.core.errors import ConfigError

if TYPE_CHECKING:
    from batch_pipelines.delivery.sink.server import Sink

EXAMPLE = "drop@reply:3, refuse@rcpt~ann@=550 5.1.1 gone, delay@dot=2s, refuse@mail:%10=421 4.3.2 closing"


def sink(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any that is free.")] = 2525,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="Folder for .eml files; by default data/mail/sink.", show_default=False),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help=f"What goes wrong; may be given often. Like {EXAMPLE}", show_default=False),
    ] = None,
    no_pipelining: Annotated[bool, typer.Option("--no-pipelining", help="Do not offer PIPELINING.")] = False,
) -> None:
    """Run an SMTP server that keeps mail as .eml files instead of delivering it, until Ctrl-C.

    Send to it with BP_RELAY_DEFAULT=smtp://127.0.0.1:2525. Faults are ACTION@PHASE, with drop, refuse, delay, silence,
    garbage, cut or accept at banner, helo, starttls, auth, mail, rcpt, data, body, dot or reply (after it was kept).
    """
    from batch_pipelines.delivery.sink.faults import read_fault
    from batch_pipelines.delivery.sink.server import Sink, kept_in
    from batch_pipelines.delivery.sink.session import Rules

    try:
        faults = [read_fault(text) for text in fault or []]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fault") from error
    folder = keep or places.settings().data / "mail" / "sink"
    try:
        server = Sink(kept_in(folder), Rules(pipelining=not no_pipelining), faults)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror or error}") from error
    asyncio.run(_serve(server, host, port, folder))


async def _serve(server: "Sink", host: str, port: int, folder: Path) -> None:
    try:
        listening = await server.start(host, port)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from error
    say(f"smtp://{host}:{server.port} keeps mail in {places.shown_path(folder)}; Ctrl-C ends it")
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # no signals to be had here
            loop.add_signal_handler(number, over.set)
    await over.wait()
    listening.close()
    server.hang_up()
    say(f"{counted(server.counts.messages, 'mail')} kept, {counted(server.counts.connections, 'connection')}")
