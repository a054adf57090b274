"""`dagster dev` as a user starts it, and its GraphQL interface: for tests of what happens without a click, and with.

What must not live here: what is in the home (small_project.py), a browser (ui/).
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil
import requests

from batch_pipelines.orchestration.names import letters_name
from batch_pipelines_tests.servers import free_port
from batch_pipelines_tests.system import graphql
from batch_pipelines_tests.system.small_project import PROGRAMS, environment

START_S = 120
STOP_S = 30
LOOK_EVERY_S = 0.25
MARK = "BP_TEST_MARK"
_PR_SET_PDEATHSIG = 1
Found = TypeVar("Found")


class DagsterDev:
    """A running `dagster dev`.

    Args:
        home: The project's home, its working directory.
        process: The parent of all its processes, leader of their session.
        port: Where the UI listens.
        mark: The value of `BP_TEST_MARK` in the environment of everything it started.
        log: What it and its children say.
    """

    def __init__(self, home: Path, process: "subprocess.Popen[bytes]", port: int, mark: str, log: Path) -> None:
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._process = process
        self._mark = mark

    def wait_for(self, what: str, look: Callable[[], Found | None], timeout_s: float = 90) -> Found:
        """Look until there is something to see; fail when `dagster dev` ends, or when it takes too long."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if found := look():
                return found
            try:
                self._process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"dagster dev ended while we waited for {what}:\n{self.said()}")
        raise AssertionError(f"{what} did not come in {timeout_s} s:\n{self.said()}")

    def is_up(self) -> bool:
        """Whether the UI answers."""
        try:
            return requests.get(f"{self.url}/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Ask GraphQL; its errors are ours."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.url}/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str, config: Mapping[str, object], partition: str | None = None) -> str:
        """Launch a run of a job, of one of its partitions if it has any; its id."""
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        launched = self.ask(graphql.LAUNCH, job=job, config=dict(config), tags=tags)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def backfill(self, dataset: str, partitions: list[str]) -> str:
        """Launch a backfill of a dataset's assets, as the UI does; its id."""
        assets = [{"path": [dataset]}, {"path": [letters_name(dataset)]}]
        launched = self.ask(graphql.BACKFILL, assets=assets, partitions=partitions)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run: status, tags by name."""
        found: dict[str, Any] = self.ask(graphql.RUN, run=run_id)["runOrError"]
        return {**found, "tags": {tag["key"]: tag["value"] for tag in found["tags"]}}

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """The runs that have these tags (`_` for `/`), the newest first."""
        wanted = [{"key": name.replace("_", "/"), "value": value} for name, value in tags.items()]
        found: list[dict[str, Any]] = self.ask(graphql.RUNS, tags=wanted)["runsOrError"]["results"]
        return [{**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def ended(self, run_id: str, timeout_s: float = 90) -> str:
        """Wait for the end of a run; its status."""

        def look() -> str | None:
            status = str(self.run(run_id)["status"])
            return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else None

        return self.wait_for(f"the end of run {run_id}", look, timeout_s)

    def succeeded(self, run_id: str, timeout_s: float = 90) -> None:
        """Wait for the end of a run, which must be a good one."""
        status = self.ended(run_id, timeout_s)
        assert status == "SUCCESS", "\n".join(self.messages(run_id))

    def messages(self, run_id: str) -> list[str]:
        """What a run has logged so far."""
        events = self.ask(graphql.LOGS, run=run_id)["logsForRun"]["events"]
        errors = [(event.get("error") or {}).get("message", "") for event in events]
        return [f"{event['message']} {error}".strip() for event, error in zip(events, errors, strict=True)]

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """The ticks of a sensor, the newest first."""
        found: list[dict[str, Any]] = self.ask(graphql.TICKS, sensor=sensor)["sensorOrError"]["sensorState"]["ticks"]
        return found

    def processes(self) -> list[psutil.Process]:
        """Everything it started that is alive, however it was orphaned."""
        return [process for process in psutil.process_iter() if _mark_of(process) == self._mark]

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-6000:]

    def stop(self) -> None:
        """Ctrl-C, as a terminal sends it; what is left after half a minute is killed."""
        _signal_group(self._process.pid, signal.SIGINT)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
        psutil.wait_procs(self.processes(), timeout=STOP_S)


@contextmanager
def dagster_dev(home: Path, **environ: str) -> Iterator[DagsterDev]:
    """`dagster dev` in a home, until the block ends; nothing it started outlives the block."""
    mark, port, log = uuid.uuid4().hex, free_port(), home / "dagster-dev.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(PROGRAMS / "dagster"), "dev", "-h", "127.0.0.1", "-p", str(port)],
            cwd=home,
            env=environment(**{MARK: mark}, **environ),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_as_from_a_terminal,  # noqa: PLW1509 - two system calls, safe beside threads
        )
    dev = DagsterDev(home, process, port, mark, log)
    try:
        dev.wait_for("the UI", dev.is_up, START_S)
        yield dev
    finally:
        dev.stop()
        left = dev.processes()
        for orphan in left:
            orphan.kill()
    assert not left, f"left behind: {left}"


def _as_from_a_terminal() -> None:
    """Ctrl-C works (a background job's would not), and it comes by itself when the tests are killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
