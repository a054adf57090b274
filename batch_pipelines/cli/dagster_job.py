"""A Dagster job in a process of its own, as `dagster job execute` runs it: started, watched, told to stop."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from batch_pipelines.core.settings import Settings
from batch_pipelines.core.workers.guard import die_with_parent

LOOK_EVERY_S = 0.2
Look = Callable[[bool], None]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which the process finds the same places as we do."""
    return {
        "DAGSTER_HOME": str(settings.home),
        **environ,
        "BP_HOME": str(settings.home),
        "BP_DATA": str(settings.data),
        "BP_DEFS": str(settings.defs),
    }


def execute(settings: Settings, job: str, config: Mapping[str, Any], log: Path, look: Look) -> int:
    """Run a job to its end, without daemon or queue; return its exit code, negative if a signal ended it.

    Args:
        settings: Where everything is.
        job: Name of the job.
        config: Its run config.
        log: File for all that it says; its config is kept beside it.
        look: Called a few times a second while it runs, with whether it was told to stop.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    file = log.with_suffix(".yaml")
    file.write_text(json.dumps(config))  # JSON is YAML
    return _dagster(settings, ["job", "execute", "-j", job, "-c", str(file)], log, look)


def materialize(settings: Settings, asset: str, partition: str, log: Path, look: Look) -> int:
    """Materialize a partition of an asset and check it, the same way; nothing that comes after it is run."""
    log.parent.mkdir(parents=True, exist_ok=True)
    return _dagster(settings, ["asset", "materialize", "--select", asset, "--partition", partition], log, look)


def has_begun(log: Path) -> bool:
    """Whether a log says that Dagster has been started, and the run is on its way."""
    return any(" - dagster - " in line for line in _lines(log))


def _dagster(settings: Settings, arguments: Sequence[str], log: Path, look: Look) -> int:
    argv = [sys.executable, "-m", "dagster", *arguments, "-m", "batch_pipelines.definitions"]
    return run(argv, log, look, cwd=settings.home, env=environment(settings, os.environ))


def run(argv: Sequence[str], log: Path, look: Look, *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a command in a process group of its own, so that Ctrl-C reaches it once, from us.

    If we are killed it is told to stop, too: nobody would watch it any more, and the next one would run beside it.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603  our own command
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            process_group=0,
            preexec_fn=partial(die_with_parent, signal.SIGTERM, parent=os.getpid()),  # noqa: PLW1509  system calls only
        )
        try:
            with _forwarding(process) as asked:
                while True:
                    try:
                        return process.wait(LOOK_EVERY_S)
                    except subprocess.TimeoutExpired:
                        look(bool(asked))
        finally:
            if process.poll() is None:  # looking failed: leave nothing behind
                process.terminate()
                process.wait()


def tail(log: Path, lines: int) -> list[str]:
    """Return the last lines of a log without debug events and stack frames, as a terminal may show them."""
    return [line for line in _lines(log) if " - DEBUG - " not in line and not line.startswith("  ")][-lines:]


def failures(log: Path, dataset: str) -> list[str]:
    """Return what the log says of partitions that failed, `dataset/partition: why`, each once."""
    found = (re.match(rf"\s*({re.escape(dataset)}/\S+: .+)", line) for line in _lines(log))
    return list(dict.fromkeys(match[1] for match in found if match))


def _lines(log: Path) -> list[str]:
    text = ANSI.sub("", log.read_text(errors="backslashreplace")) if log.is_file() else ""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@contextmanager
def _forwarding(process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Pass on signals: the first asks the process to stop, another kills it and all it started. Yields them.

    Raises:
        KeyboardInterrupt: There were any, however it ended: whoever pressed Ctrl-C wants nothing more to be begun.
    """
    asked: list[int] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        if asked:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(number)
        asked.append(number)

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if asked:
        raise KeyboardInterrupt


def prepare(settings: Settings) -> None:
    """Have Dagster's databases made, where they are new: two processes that did it at once would spoil them."""
    if not (settings.data / "dagster" / ".init.lock").exists():
        from batch_pipelines.orchestration.instance import prepare_instance

        prepare_instance(settings)
