"""Progress on stderr: a bar on a terminal; elsewhere a plain line when the stage changes, and every few seconds."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from batch_pipelines.cli.console import say, talk
from batch_pipelines.cli.watching import Stage
from batch_pipelines.core.clock import Clock, SystemClock

LINE_EVERY_S = 3.0
LOOK_EVERY_S = 0.25


class Show(Protocol):
    """Shows a stage; called often."""

    def __call__(self, stage: Stage) -> None:
        """Show it now."""
        ...


@contextmanager
def showing(clock: Clock | None = None) -> Iterator[Show]:
    """Progress while the block runs; a terminal is clean after it."""
    console = talk()
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainLines(clock or SystemClock())
        return
    columns = (
        SpinnerColumn("line"),
        TextColumn("{task.description:<21}"),
        BarColumn(bar_width=18),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None, figures="")

        def show(stage: Stage) -> None:
            progress.update(
                task,
                description=stage.what,
                completed=stage.done,
                total=stage.total or None,
                figures=stage.figures,
            )

        yield show


@contextmanager
def showing_meanwhile(look: Callable[[], Stage], every_s: float = LOOK_EVERY_S) -> Iterator[None]:
    """Progress while the block works in this thread and cannot tell; `look` is called in another."""
    done = threading.Event()

    def keep_looking(show: Show) -> None:
        show(look())
        while not done.wait(every_s):
            show(look())

    with showing() as show:
        watcher = threading.Thread(target=keep_looking, args=(show,), name="progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


class PlainLines:
    """Progress for a log: no line twice, and few of them.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._said_at = self._began
        self._said: Stage | None = None

    def __call__(self, stage: Stage) -> None:
        """Say it, if it is another stage, or its end, or if it is time."""
        now = self._clock.monotonic()
        same = self._said is not None and self._said.what == stage.what
        ended = 0 < stage.total == stage.done and stage != self._said
        if same and not ended and now - self._said_at < LINE_EVERY_S:
            return
        self._said, self._said_at = stage, now
        say(f"{now - self._began:5.1f} s  {stage}")
