"""`dagster dev` in a fresh home and not one click: files arrive, a backfill is launched, a run is killed.

All of it goes on at once, in one session, as on a busy day: `day` sets it going, the tests look at what came of it.
"""

import gzip
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import psutil
import pytest

from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.core.model import Chunk, ChunkState
from batch_pipelines.lake.query import count_rows
from batch_pipelines_tests.system.dagster_dev import DagsterDev, dagster_dev
from batch_pipelines_tests.system.small_project import (
    MONTHS,
    ROWS,
    SAMPLES,
    SmallProject,
    flights,
    good_rows,
    make_project,
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

DROPPED, KILLED = "2013-03", "2013-07"
WEATHER_FILE = "data/inbox/weather/weather.csv"
WEATHER = gzip.decompress((SAMPLES / "weather.csv.gz").read_bytes()).splitlines(keepends=True)[:2001]


@dataclass
class Day:
    """What was set going, and what was seen meanwhile.

    Attributes:
        dev: The session.
        project: Its home.
        growing: A file in the inbox that somebody has open.
        while_growing: Rows of its table when the sensor had looked at it three times, half written.
        dropped: The file that was dropped into the inbox.
        backfill: Id of the backfill of all months.
        before_kill: Chunks that were done when the run was killed.
        family: The processes of the killed run.
        killed: Id of the killed run.
        relaunched: Id of the run that was launched in its place.
    """

    dev: DagsterDev
    project: SmallProject
    growing: BinaryIO
    while_growing: int = -1
    dropped: bytes = b""
    backfill: str = ""
    killed: str = ""
    relaunched: str = ""
    before_kill: list[Chunk] = field(default_factory=list)
    family: list[psutil.Process] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    project = make_project(tmp_path_factory.mktemp("project"))
    (project.source(KILLED)).write_bytes((SAMPLES / f"flights-{KILLED}.csv.gz").read_bytes())
    weather = project.home / WEATHER_FILE
    weather.parent.mkdir(parents=True)
    with dagster_dev(project.home) as dev, weather.open("wb", buffering=0) as growing:
        day = Day(dev, project, growing)
        drop(day)
        day.killed = dev.launch("process_data", {"partitions": [KILLED], "chunk_size": "16KB"})
        day.backfill = dev.backfill("flights", MONTHS)
        kill(day)
        day.relaunched = dev.launch("process_data", {"partitions": [KILLED]})
        finish_writing(day)
        yield day


def drop(day: Day) -> None:
    """A file that is whole, one that is not, one for a time that is no partition, one that is no flights file."""
    day.growing.write(b"".join(WEATHER[:1000]) + WEATHER[1000][:20])
    day.dropped = flights(DROPPED, ROWS, ROWS)  # other rows than the source has
    (day.project.inbox / f"flights-{DROPPED}.csv").write_bytes(day.dropped)
    (day.project.inbox / "flights-2031-01.csv").write_bytes(day.dropped)
    (day.project.inbox / "notes.txt").write_text("see attachment")


def kill(day: Day) -> None:
    """Kill the run's worker with SIGKILL when some of its chunks are done, and not all."""
    worker = day.dev.wait_for("the run's process", lambda: run_worker(day.dev, day.killed))
    day.dev.wait_for("three chunks", lambda: [*done_chunks(day.project, KILLED)][2:])
    day.family = [worker, *worker.children(recursive=True)]
    worker.send_signal(signal.SIGKILL)
    day.before_kill = done_chunks(day.project, KILLED)


def finish_writing(day: Day) -> None:
    """Write the other half of the file, after the sensor has looked at it three times."""
    day.dev.wait_for("three ticks", lambda: skip_reasons(day.dev, "weather_inbox", "open in a process that writes")[2:])
    assert not day.dev.runs(batch_inbox=WEATHER_FILE)
    day.while_growing = count_rows(day.project.data, "weather")
    day.growing.write(WEATHER[1000][20:] + b"".join(WEATHER[1001:]))
    day.growing.close()


def run_worker(dev: DagsterDev, run_id: str) -> psutil.Process | None:
    """The process of a run, if it has one yet."""
    found = re.search(r"Started process for run \(pid: (\d+)\)", "\n".join(dev.messages(run_id)))
    return psutil.Process(int(found[1])) if found else None


def done_chunks(project: SmallProject, partition: str) -> list[Chunk]:
    """The chunks of a partition's newest batch that are committed."""
    file = project.data / "ledger.db"
    if not file.exists():
        return []
    ledger = open_ledger(f"sqlite:///{file}")
    try:
        batches = [batch for batch in ledger.batches.of_pipeline("flights") if batch.partition == partition]
        chunks = ledger.chunks.of_batch(batches[-1].id) if batches else []
    finally:
        ledger.close()
    return [chunk for chunk in chunks if chunk.state is ChunkState.DONE]


def test_sensors_run_without_a_click(day: Day) -> None:
    for sensor in ("flights_inbox", "weather_inbox", "keep_pool_limits"):
        tick = day.dev.wait_for(f"a tick of {sensor}", lambda name=sensor: day.dev.ticks(name))[-1]  # type: ignore[misc]
        assert tick["status"] in {"SUCCESS", "SKIPPED"}, tick


def test_after_a_sigkill_no_process_is_left_and_a_new_run_does_only_what_was_not_done(day: Day) -> None:
    gone, alive = psutil.wait_procs(day.family, timeout=10)
    assert len(gone) > 2
    assert not alive
    assert day.dev.ended(day.killed) == "FAILURE"
    day.dev.succeeded(day.relaunched)
    after = {chunk.index: chunk for chunk in done_chunks(day.project, KILLED)}
    assert 2 < len(day.before_kill) < len(after)
    assert all(after[chunk.index].epoch == chunk.epoch for chunk in day.before_kill)
    assert day.project.rows(KILLED) == day.project.good_rows(KILLED)


def test_a_file_that_is_dropped_into_the_inbox_is_in_the_table(day: Day) -> None:
    name = f"data/inbox/flights/flights-{DROPPED}.csv"
    [run] = day.dev.wait_for("the sensor's run", lambda: day.dev.runs(batch_inbox=name))
    day.dev.succeeded(run["runId"])
    assert day.project.rows(DROPPED) == good_rows(day.dropped)


def test_a_file_that_fits_no_partition_has_a_visible_reason(day: Day) -> None:
    said = day.dev.wait_for("a tick that skips", lambda: skip_reasons(day.dev, "flights_inbox", "notes.txt"))[0]
    assert "notes.txt: the name does not fit flights-{%Y-%m}.csv" in said
    assert "flights-2031-01.csv: 2031-01 is outside the partitions, which are 2013-01 to 2013-12" in said


def test_a_backfill_of_twelve_months_is_one_run(day: Day) -> None:
    [run] = day.dev.wait_for("the backfill's run", lambda: day.dev.runs(dagster_backfill=day.backfill))
    day.dev.succeeded(run["runId"])
    assert len(day.dev.runs(dagster_backfill=day.backfill)) == 1
    others = [month for month in MONTHS if month != DROPPED]
    assert day.project.rows(*others) == day.project.good_rows(*others)
    assert day.project.count() == len(day.project.good_rows(*others)) + len(good_rows(day.dropped))


def test_a_file_that_is_still_written_is_left_alone_until_it_is_whole(day: Day) -> None:
    [run] = day.dev.wait_for("the run", lambda: day.dev.runs(batch_inbox=WEATHER_FILE))
    day.dev.succeeded(run["runId"])
    assert day.while_growing == 0
    assert count_rows(day.project.data, "weather") == len(WEATHER) - 1


def skip_reasons(dev: DagsterDev, sensor: str, words: str) -> list[str]:
    """What the ticks of a sensor said that has these words in it."""
    reasons = [tick["skipReason"] or "" for tick in dev.ticks(sensor)]
    return [reason for reason in reasons if words in reason]
