"""The steps that every run of a report has: gather, process, generate. Shared by asset jobs and `generate_report`.

Each opens its own desk and hands on ids and counts; rows and files are on disk. A partition that fails does not stop
the others: it is carried along as a problem, and the last step fails, naming it. What must not live here: what a
report contains (reporting/), what the UI shows of it (report_metadata.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from batch_pipelines.core.errors import BatchError, ConfigError, LeaseLost, TransientError
from batch_pipelines.core.model import Json
from batch_pipelines.core.partitions import ALL
from batch_pipelines.orchestration.report_records import Report, report_of
from batch_pipelines.orchestration.session import failure
from batch_pipelines.reporting.model import Gathered, as_json, from_json

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import Asked, ReportDesk

LINES = 50
StepContext = dg.OpExecutionContext | dg.AssetExecutionContext


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
    _refuse_missing_tables(desk, report)
    made: list[Json] = []
    problems: dict[str, str] = {}
    for partition in partitions:
        with _noting(problems, partition):
            missing = desk.missing(report, partition)
            if whole and missing:
                raise ConfigError(f"{'; '.join(missing)}; run: {_cure(desk, report)}")
            for asked in desk.asked(report, partition, **options):
                gathered = _gathered(desk, report, asked)
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
        manifests[snapshot.folder] = as_json(desk.reporting.generate(snapshot))

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


def _gathered(desk: "ReportDesk", report: str, asked: "Asked") -> Gathered:
    gathered = desk.reporting.gather(asked.request)
    if gathered.state == "empty" and desk.entry(report).declaration.on_empty == "fail":
        raise ConfigError("it is empty, and on_empty is fail")
    return gathered


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


def _refuse_missing_tables(desk: "ReportDesk", report: str) -> None:
    """Fail with the command to run, where a table is not there at all: an empty report would be a lie."""
    if lacking := list(_unprocessed(desk, report)):
        what = f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} not been processed"
        raise dg.Failure(description=f"{report}: {what}; run: {_cure(desk, report)}", allow_retries=False)


def _cure(desk: "ReportDesk", report: str) -> str:
    """Return the command that fills the tables of a report: for those by time, as they refer to the others."""
    names = sorted(desk.tables(report))
    refer = {other for name in names for other, _ in desk.processing.catalog.entry(name).declaration.references}
    return " && ".join(f"bp process {name}" for name in names if name not in refer)


def _unprocessed(desk: "ReportDesk", report: str) -> Iterator[str]:
    from batch_pipelines.lake.delta import table_path, version  # noqa: PLC0415

    for table in desk.tables(report):
        if version(table_path(desk.settings.data, table)) is None:
            yield table
