"""A job in a process of its own: output, signals, and what is left when looking fails."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from batch_pipelines.cli import dagster_job
from batch_pipelines.core.settings import load_settings
from batch_pipelines_tests.processes import eventually

SLEEPS = "import time; print('ready', flush=True); time.sleep(60)"
ENDS_WELL_ON_SIGINT = (
    "import signal, sys, time\n"
    "signal.signal(signal.SIGINT, lambda *_: sys.exit({code}))\n"
    "print('ready', flush=True)\n"
    "time.sleep(60)\n"
)
DEAF = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)\n"


class Interrupter:
    """Sends this process SIGINT, as Ctrl-C does, when the other one is ready; and again when that was seen."""

    def __init__(self, log: Path, times: int) -> None:
        self._log = log
        self._left = times
        self.saw_stopping = False

    def __call__(self, stopping: bool) -> None:  # noqa: FBT001
        self.saw_stopping = self.saw_stopping or stopping
        if self._left and "ready" in self._log.read_text():
            self._left -= 1
            os.kill(os.getpid(), signal.SIGINT)


def run(program: str, log: Path, look: dagster_job.Look = lambda _stopping: None) -> int:
    return dagster_job.run([sys.executable, "-c", program], log, look, cwd=log.parent, env=dict(os.environ))


def test_its_exit_code_is_returned_and_its_output_is_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"

    code = run("import sys; print('out'); print('\\x1b[31merr\\x1b[0m', file=sys.stderr); sys.exit(7)", log)

    assert code == 7
    assert sorted(dagster_job.tail(log, 5)) == ["err", "out"]


def test_ctrl_c_is_passed_on_once_and_stops_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = signal.getsignal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(ENDS_WELL_ON_SIGINT.format(code=1), log, Interrupter(log, times=1))

    assert signal.getsignal(signal.SIGINT) is before


def test_after_ctrl_c_nothing_more_is_begun_even_if_the_job_still_came_to_a_good_end(tmp_path: Path) -> None:
    log = tmp_path / "log"

    with pytest.raises(KeyboardInterrupt):
        run(ENDS_WELL_ON_SIGINT.format(code=0), log, Interrupter(log, times=1))


def test_a_second_ctrl_c_kills_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    interrupter = Interrupter(log, times=2)

    with pytest.raises(KeyboardInterrupt):
        run(DEAF, log, interrupter)

    assert interrupter.saw_stopping


def test_nothing_is_left_running_when_looking_fails(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = f"import os; open('pid', 'w').write(str(os.getpid())); {SLEEPS}"

    def look(_stopping: bool) -> None:  # noqa: FBT001
        if "ready" in log.read_text():
            raise OSError("the ledger is away")

    with pytest.raises(OSError, match="the ledger is away"):
        run(program, log, look)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_command_that_is_killed_has_its_job_told_to_stop(tmp_path: Path) -> None:
    told = "signal.signal(signal.SIGTERM, lambda *_: (open('told', 'w').close(), sys.exit(0)))"
    job = f"import signal, sys, time; {told}; print('ready', flush=True); time.sleep(60)"
    command = f"""
import os, pathlib, signal, sys
from batch_pipelines.cli import dagster_job

log = pathlib.Path("log")
def kill_me(_stopping):
    if "ready" in log.read_text():
        os.kill(os.getpid(), signal.SIGKILL)
dagster_job.run([sys.executable, "-c", {job!r}], log, kill_me, cwd=log.parent, env=dict(os.environ))
"""
    killed = subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=False)

    assert killed.returncode == -signal.SIGKILL
    eventually((tmp_path / "told").exists)


def test_it_finds_the_same_places_as_the_command(tmp_path: Path) -> None:
    settings = load_settings({"BP_HOME": str(tmp_path), "BP_DATA": str(tmp_path / "d")}, tmp_path)

    environment = dagster_job.environment(settings, {"BP_DATA": "d", "PATH": "/bin"})

    assert environment == {
        "DAGSTER_HOME": str(tmp_path),
        "PATH": "/bin",
        "BP_HOME": str(tmp_path),
        "BP_DATA": str(tmp_path / "d"),
        "BP_DEFS": str(settings.defs),
    }
    assert dagster_job.environment(settings, {"DAGSTER_HOME": "/srv"})["DAGSTER_HOME"] == "/srv"


def test_the_end_of_a_log_is_shown_without_debug_events_and_stack_frames(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('first\nx - DEBUG - y\nsecond\n  File "a.py", line 3\n    raise\n\nthird\n')

    assert dagster_job.tail(log, 2) == ["second", "third"]
    assert dagster_job.tail(tmp_path / "none", 2) == []


def test_partitions_that_failed_are_found_in_the_log_each_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("1 of 2 partitions failed:\n  flights/2013-05: is cut\n  flights/2013-05: is cut\nflights_2/1: x\n")

    assert dagster_job.failures(log, "flights") == ["flights/2013-05: is cut"]


def test_a_run_has_begun_when_dagster_says_anything_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert not dagster_job.has_begun(log)
    log.write_text("a warning of a library\n")
    assert not dagster_job.has_begun(log)
    log.write_text("2026-01-01 00:00:00 +0000 - dagster - DEBUG - __ASSET_JOB - 1 - RUN_START - Started\n")
    assert dagster_job.has_begun(log)
