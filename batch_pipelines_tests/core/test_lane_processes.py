"""Lanes with real worker processes, and lanes that are real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.lane import Lane
from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.core.model import Batch, BatchState, Claim, Task
from batch_pipelines.core.workers.local import LocalPool
from batch_pipelines_tests.core.fakes import MemoryWorkload, numbers_plan
from batch_pipelines_tests.processes import eventually, marked, parent_of

ADDS_UP = "batch_pipelines_tests.core.workers.tasks:adds_up"


class Numbers(MemoryWorkload):
    """Its chunks are worked by real processes."""

    def __init__(self, pause_s: float = 0.0) -> None:
        super().__init__()
        self.pause_s = pause_s

    def task(self, batch: Batch, claim: Claim) -> Task:
        """See `Workload`."""
        return Task(ADDS_UP, {**claim.payload, "pause_s": self.pause_s}, 20, 30)


def run_lane(url: str, batch_id: int, pause_s: float = 0.0) -> Mapping[str, Any]:
    """Be a lane of this batch; what it published."""
    ledger, workload = open_ledger(url), Numbers(pause_s)
    try:
        Lane(ledger, workload, lambda: LocalPool(2), clock=SystemClock()).run([batch_id])
    finally:
        ledger.close()
    return workload.published


def test_an_item_that_kills_its_worker_is_found_and_all_others_are_done(ledger_url: str) -> None:
    ledger = open_ledger(ledger_url)
    batch = ledger.batches.open(numbers_plan(8, 8, 8))
    published = run_lane(ledger_url, batch.id)
    assert published == {"p": [number for number in range(24) if number != 13]}
    counts = ledger.chunks.counts([batch.id])
    assert (counts.items, counts.written, counts.dead) == (24, 23, 1)
    [buried] = [c.result.detail for c in ledger.chunks.of_batch(batch.id) if c.result and c.result.dead]
    assert buried["buried"] == 13
    ledger.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_lane_that_is_told_to_stop_commits_what_is_in_flight_and_ends_by_the_signal(
    ledger_url: str, number: signal.Signals, tmp_path: Path
) -> None:
    ledger = open_ledger(ledger_url)
    batch = ledger.batches.open(numbers_plan(*[1] * 12))
    mark = f"bp-lane-{os.getpid()}-{number}"
    script = f"from {__name__} import run_lane; run_lane({ledger_url!r}, {batch.id}, 1.0)"
    errors = tmp_path / "errors"
    with errors.open("w") as stderr:
        lane = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "BP_MARK": mark}, stderr=stderr)
    eventually(lambda: ledger.chunks.counts([batch.id]).chunks_done >= 1)
    lane.send_signal(number)
    lane.wait(15)
    if number == signal.SIGTERM:
        assert lane.returncode == -number, errors.read_text()
    else:
        assert "KeyboardInterrupt" in errors.read_text()
    counts = ledger.chunks.counts([batch.id])
    assert (counts.chunks_claimed, counts.chunks_failed) == (0, 0)
    assert 2 <= counts.chunks_done <= 6
    assert ledger.holders.all() == []
    worked = [chunk for chunk in ledger.chunks.of_batch(batch.id) if chunk.seconds is not None]
    assert len(worked) == counts.chunks_done
    assert all((chunk.attempts, chunk.deaths) == (0, 0) for chunk in ledger.chunks.of_batch(batch.id))
    eventually(lambda: marked("BP_MARK", mark) == [])
    ledger.close()


@pytest.mark.parametrize("victim", ["workers", "fork server"])
def test_a_lane_survives_the_death_of_its_workers_and_of_their_fork_server(ledger_url: str, victim: str) -> None:
    ledger = open_ledger(ledger_url)
    batch = ledger.batches.open(numbers_plan(*[1] * 8))
    mark = f"bp-lane-{os.getpid()}-{victim[:4]}"
    script = f"from {__name__} import run_lane; run_lane({ledger_url!r}, {batch.id}, 0.3)"
    lane = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "BP_MARK": mark})
    eventually(lambda: ledger.chunks.counts([batch.id]).chunks_done >= 1)
    parents = {pid: parent_of(pid) for pid in marked("BP_MARK", mark)}
    servers = {pid for pid, parent in parents.items() if parent == lane.pid}
    workers = {pid for pid, parent in parents.items() if parent in servers}
    assert len(workers) == 2
    for pid in workers if victim == "workers" else {server for worker in workers if (server := parents[worker])}:
        os.kill(pid, signal.SIGKILL)
    assert lane.wait(30) == 0
    assert ledger.batches.get([batch.id])[0].state is BatchState.PUBLISHED
    assert ledger.chunks.counts([batch.id]).written == 8
    eventually(lambda: marked("BP_MARK", mark) == [])
    ledger.close()
