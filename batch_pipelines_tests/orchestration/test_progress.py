"""Progress in the log and in the run's tag; a tag that cannot be written stops nobody."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import dagster as dg

from batch_pipelines.core.progress import Progress
from batch_pipelines.orchestration.progress import Narrator

HALF = Progress(done=50, total=100, dead=2, chunks_failed=0, rate=10.0)


class FakeLog:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, text: str) -> None:
        self.lines.append(text)

    def debug(self, text: str, *values: object) -> None:
        self.lines.append(text % values)


class BrokenInstance:
    """An instance whose database is away."""

    def add_run_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        raise OSError("database is locked")


def test_it_is_logged_and_tagged() -> None:
    @dg.op
    def work(context: dg.OpExecutionContext) -> None:
        Narrator(context)(HALF)

    @dg.job
    def job() -> None:
        work()

    with dg.DagsterInstance.ephemeral() as instance:
        run = instance.get_run_by_id(job.execute_in_process(instance=instance).run_id)
    assert run is not None
    assert run.tags["batch/progress"] == "50% · 50 of 100 items · 10/s · 5 s to go · 2 dead letters"


def test_a_tag_that_cannot_be_written_is_no_reason_to_stop() -> None:
    log = FakeLog()
    context: Any = SimpleNamespace(log=log, instance=BrokenInstance(), run_id="r")
    Narrator(context)(HALF)
    assert log.lines == ["the run tag batch/progress could not be written: database is locked", str(HALF)]
