"""Where the command line speaks: data to stdout, talk to stderr; and how commands are called in what it says."""

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text


class PipeConsole(Console):
    """A console that leaves a reader who has gone (`| head`) to whoever runs the command."""

    def on_broken_pipe(self) -> None:
        """Pass it on; rich would end the process here, with a failure."""
        raise BrokenPipeError


def data(width: int | None = None) -> Console:
    """Return the console for what was asked for.

    Args:
        width: Columns to fill; None for those of the terminal.
    """
    return PipeConsole(highlight=False, markup=False, emoji=False, width=width)


def talk() -> Console:
    """Return the console for what is said about it: progress, hints, errors."""
    return PipeConsole(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str, style: str = "") -> None:
    """Say one line on stderr, after all that is on stdout so far; the terminal wraps it, nothing else does."""
    sys.stdout.flush()
    talk().print(Text(text, style), soft_wrap=True)


def command(arguments: str = "") -> str:
    """Return a command as it works where the user is: through run.py in the repository's root, else `bp`."""
    return f"{'python3 run.py' if through_run_py() else 'bp'} {arguments}".strip()


def through_run_py() -> bool:
    """Whether this is the repository's root, where `python3 run.py` stands for `bp` and more."""
    return Path("run.py").is_file() and Path("workspace.yaml").is_file()


def tolerate_narrow_encodings() -> None:
    """Have letters that a stream's encoding lacks escaped; a table must not end in a traceback for a `·`."""
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="backslashreplace")
