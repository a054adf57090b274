"""`bp`: the commands, and what becomes of an error: one clear line on stderr, and an exit code.

Exit codes: 0 ok · 1 failed · 2 wrong usage · 3 not found · 130 stopped by Ctrl-C.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import typer
from click import ClickException, UsageError
from click.exceptions import NoArgsIsHelpError
from typer.core import TyperGroup

from batch_pipelines.cli.backfill import backfill
from batch_pipelines.cli.campaign import campaign
from batch_pipelines.cli.compact import compact
from batch_pipelines.cli.console import command, say, talk, tolerate_narrow_encodings
from batch_pipelines.cli.corrections import corrections
from batch_pipelines.cli.datasets import datasets
from batch_pipelines.cli.dead_letters import dead_letters
from batch_pipelines.cli.demo.command import demo
from batch_pipelines.cli.env import env
from batch_pipelines.cli.export import export
from batch_pipelines.cli.init import init
from batch_pipelines.cli.janitor import janitor
from batch_pipelines.cli.open_report import open_report
from batch_pipelines.cli.places import NotFound
from batch_pipelines.cli.process import process
from batch_pipelines.cli.query import query
from batch_pipelines.cli.replay import replay
from batch_pipelines.cli.reports import report
from batch_pipelines.cli.sink import sink
from batch_pipelines.cli.web import web
from batch_pipelines.core.errors import BatchError, BatchFailed

FAILED, USAGE, NOT_FOUND, STOPPED = 1, 2, 3, 130


class Commands(TyperGroup):
    """All commands; the only place where errors become lines and exit codes."""

    debug = False

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command and end the process; with `standalone_mode=False`, let errors pass."""
        run = partial(super().main, *args, **{**extra, "standalone_mode": False})
        if not extra.get("standalone_mode", True):
            return run()
        self.debug = os.environ.get("BP_DEBUG", "") not in ("", "0")
        tolerate_narrow_encodings()
        sys.exit(self._exit_code(run))

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer's Context is click's
        """Run a command, once it is known whether tracebacks are wanted."""
        self.debug = self.debug or bool(ctx.params.get("debug"))
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # Typer would call it a failure
            _forget_stdout()
            raise typer.Exit from error

    def _exit_code(self, run: Callable[[], Any]) -> int:
        try:
            result = run()
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
            return 0
        except Exception as error:  # noqa: BLE001  the outermost place: whatever it is, it becomes a line
            if self.debug:
                talk().print(traceback.format_exc(), soft_wrap=True)
            return _explain(error)
        if result == STOPPED:
            say("stopped")
        return result if isinstance(result, int) else 0


def _explain(error: Exception) -> int:
    """Say what happened and return the exit code for it."""
    lines: Sequence[str]
    if isinstance(error, NoArgsIsHelpError):
        lines = []  # the help has been shown
    elif isinstance(error, ClickException):
        ctx = error.ctx if isinstance(error, UsageError) else None
        words = ctx.command_path.split()[1:] if ctx else []
        lines = [f"{_sentence(error.format_message())} See {command(' '.join([*words, '--help']))}"]
    elif isinstance(error, BatchFailed):
        lines = error.failures
    elif isinstance(error, BatchError):
        lines = [str(error)]
    else:
        kind, text = type(error).__name__, " ".join(str(error).split())
        lines = [f"{kind}: {text}. This is unexpected; BP_DEBUG=1 shows the traceback"]
    for line in lines:
        say(f"error: {line}", "red")
    if isinstance(error, ClickException):
        return error.exit_code
    return NOT_FOUND if isinstance(error, NotFound) else FAILED


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _forget_stdout() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


app = typer.Typer(
    cls=Commands,
    name="bp",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    suggest_commands=False,  # click does it already
)


@app.callback()
def bp(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; so does BP_DEBUG=1.")] = False,
) -> None:
    """Batch work that finishes exactly once, on Dagster.

    Data goes to stdout, talk to stderr. Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not found.
    """
    del debug  # read in Commands.invoke
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


for each in (
    demo,
    datasets,
    query,
    dead_letters,
    replay,
    corrections,
    process,
    backfill,
    export,
    compact,
    janitor,
    sink,
    web,
    env,
):
    app.command(each.__name__.replace("_", "-"))(each)
app.command("open")(open_report)
app.add_typer(report, name="report")
app.add_typer(campaign, name="campaign")
app.add_typer(init)
