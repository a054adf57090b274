"""The steps that every run of a report has: gather, process, generate. Shared by asset jobs and `generate_report`.

Each opens its own desk and hands on ids and counts; rows and files are on disk. A partition that fails does not stop
the others: it is carried along as a problem, and the last step fails, naming it. What must not live here: what a
report contains (reporting/), what the UI shows of it (metadata.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batch_pipelines.components.graphs import StepContext
from batch_pipelines.core.declaring.partitions import ALL
from batch_pipelines.core.errors import BatchError, LeaseLost, TransientError
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.report_records import Report, report_of
from batch_pipelines.orchestration.session import failure
from batch_pipelines.reporting.model import Gathered, as_json, from_json

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import ReportDesk

LINES = 50


def gather(
    context: StepContext,
    desk: "ReportDesk",
    report: str,
    partitions: Sequence[str | None],
    *,
    whole: bool = False,
    **options: Any,
) -> Json:
    """Run the queries of a report for some partitions; with a burst, once for each of its rows.

    Args:
        context: The op's.
        desk: An open desk.
        report: The report.
        partitions: Keys; None for a report without.
        whole: Whether a window that lacks a partition of a table is refused, rather than made and called partial.
        options: Filters, formats and locale, see `ReportDesk.asked`.

    Returns:
        What `process` takes.

    Raises:
        dagster.Failure: A table has not been processed at all; the command that cures it is named.
    """
    desk.check_tables(report)
    made: list[Json] = []
    problems: dict[str, str] = {}
    for partition in partitions:
        with _noting(problems, partition):
            missing = desk.lacking(report, partition, whole=whole)
            for asked in desk.asked(report, partition, **options):
                gathered = desk.gather(asked)
                made.append({"gathered": as_json(gathered), "missing": missing, "address": asked.address})
    rows = sum(sum(each["gathered"]["rows"].values()) for each in made)
    context.log.info("%s: gathered %s rows for %d reports", report, f"{rows:,}", len(made))
    return {"report": report, "made": made, "problems": problems}


def process(desk: "ReportDesk", gathered: Mapping[str, Any]) -> Json:
    """Turn gathered rows into documents."""
    return _each(gathered, desk.reporting.process)


def generate(desk: "ReportDesk", processed: Mapping[str, Any]) -> Json:
    """Turn documents into files."""
    manifests: dict[str, Json] = {}

    def make(snapshot: Gathered) -> None:
        manifests[snapshot.folder] = as_json(desk.generate(snapshot))

    generated = _each(processed, make)
    for each in generated["made"]:
        each["manifest"] = manifests[each["gathered"]["folder"]]
    return generated


def reports_of(generated: Mapping[str, Any]) -> list[Report]:
    """Return the reports that were made."""
    return [report_of(each) for each in generated["made"]]


def by_partition(reports: Sequence[Report]) -> dict[str | None, list[Report]]:
    """Return reports by their partition, of a burst several."""
    found: dict[str | None, list[Report]] = {}
    for report in reports:
        found.setdefault(report.manifest.partition, []).append(report)
    return found


def raise_problems(generated: Mapping[str, Any], partitions: int) -> None:
    """Fail the step if any partition has no report.

    Raises:
        dagster.Failure: Names them.
    """
    if problems := generated["problems"]:
        lines = [f"{generated['report']}/{partition}: {why}" for partition, why in problems.items()]
        raise failure(f"{len(lines)} of {partitions} partitions of {generated['report']} failed", lines)


def tell(context: StepContext, reports: Sequence[Report]) -> None:
    """Say what became of each; of very many, only how many (a line costs Dagster 10 ms)."""
    for report in reports[:LINES]:
        manifest = report.manifest
        files = ", ".join(f"{file.name} {file.bytes:,} bytes" for file in manifest.files)
        where = "/".join(filter(None, (manifest.name, manifest.partition, manifest.key)))
        context.log.info("%s: %s: %s", where, ", ".join(report.states), files)
    if len(reports) > LINES:
        context.log.info("… and %d more reports", len(reports) - LINES)


def _each(given: Mapping[str, Any], act: Callable[[Gathered], object]) -> Json:
    """Do something with every snapshot; those it fails for become problems of their partitions."""
    made: list[Json] = []
    problems: dict[str, str] = dict(given["problems"])
    for each in given["made"]:
        snapshot = from_json(Gathered, each["gathered"])
        with _noting(problems, snapshot.request.partition):
            act(snapshot)
            made.append(dict(each))
    return {**given, "made": made, "problems": problems}


@contextmanager
def _noting(problems: dict[str, str], partition: str | None) -> Iterator[None]:
    """Note an error that a retry cannot cure as the problem of a partition; let all others pass."""
    try:
        yield
    except (LeaseLost, TransientError):
        raise
    except BatchError as error:
        problems.setdefault(partition or ALL, str(error))
