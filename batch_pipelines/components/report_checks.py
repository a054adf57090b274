"""What is checked of a report before it goes out; what fails here is delivered to nobody.

Checks read what was recorded of each partition of the run (alone: of the partition that was made last), and look at
the files themselves. What must not live here: how a file is opened (report_files.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from batch_pipelines.components.dataset_metadata import markdown_table
from batch_pipelines.components.report_graph import report_partitions
from batch_pipelines.orchestration.names import checks_name
from batch_pipelines.orchestration.report_records import Report, recorded, recorded_partitions
from batch_pipelines.orchestration.requested import partitions_of_run
from batch_pipelines.orchestration.session import open_desk
from batch_pipelines.reporting.declaration.catalog import Entry

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import ReportDesk

FILES_OPEN, FIGURES_IN_PDF, ROW_COUNTS, TABLES_COMPLETE = (
    "files_open",
    "figures_in_pdf",
    "row_counts",
    "tables_complete",
)
OFFENDERS_SHOWN = 20
Problems = list[dict[str, object]]
ABOUT = {
    FILES_OPEN: "Every file that was promised is there, is what was written, and opens.",
    FIGURES_IN_PDF: "Every figure stands in the text of the PDF.",
    ROW_COUNTS: "Data sheets and data files have exactly the rows that the queries gave.",
    TABLES_COMPLETE: "Every partition of its tables that a window needs was there when its rows were gathered.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to.

    Attributes:
        check: Its name.
        wrong: A row for each thing that is not as it should be.
        said: The verdict in one line.
        severity: Of what is wrong.
    """

    check: str
    wrong: Problems
    said: str
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


def report_checks(entry: Entry) -> dg.AssetChecksDefinition:
    """Return the checks of a report."""
    name = entry.declaration.name
    partitions = report_partitions(entry)

    @dg.multi_asset_check(
        name=checks_name(name),
        description=f"Looks at the files of {name} before they are delivered. Changes nothing; may be run at any time.",
        specs=list(_specs(entry)),
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        asked = partitions_of_run(context.run.tags, partitions)
        with open_desk() as desk:
            findings = check_reports(entry, _reports(desk, name, asked), desk.settings.data)
        for finding in findings:
            if dg.AssetCheckKey(dg.AssetKey(name), finding.check) in context.selected_asset_check_keys:
                yield _result(finding, name)

    return checks


def check_reports(entry: Entry, reports: Sequence[Report], data: Path) -> list[Finding]:
    """Check reports, all together.

    Args:
        entry: Their declaration.
        reports: Of one partition or many.
        data: The data folder.
    """
    from batch_pipelines.components import report_files as files  # noqa: PLC0415  loads PDF and XLSX readers

    counted = f"{len(reports)} reports" if len(reports) != 1 else "one report"
    promised = sum(len(report.manifest.files) for report in reports)
    shown = sum(len(report.manifest.kpis) for report in reports)
    return [
        Finding(FILES_OPEN, _each(reports, lambda it: files.broken(it, data)), f"{promised} files of {counted}"),
        Finding(FIGURES_IN_PDF, _each(reports, lambda it: files.absent_figures(it, data)), f"{shown} figures"),
        Finding(ROW_COUNTS, _each(reports, lambda it: files.wrong_rows(it, entry, data)), f"the data of {counted}"),
        Finding(TABLES_COMPLETE, _each(reports, lambda it: it.missing), f"the tables of {counted}"),
        *_declared(reports),
    ]


def _reports(desk: "ReportDesk", name: str, asked: Sequence[str]) -> list[Report]:
    data = desk.settings.data
    partitions = list(asked) or recorded_partitions(data, name)[-1:]
    return [report for partition in partitions for report in recorded(data, name, partition)]


def _each(reports: Sequence[Report], look: Callable[[Report], list[str]]) -> Problems:
    return [
        {
            "report": "/".join(filter(None, (report.manifest.partition, report.manifest.key))) or "all",
            "problem": problem,
        }
        for report in reports
        for problem in look(report)
    ]


def _declared(reports: Sequence[Report]) -> Iterator[Finding]:
    """The checks that the YAML declares: their verdicts are part of what was gathered."""
    names = dict.fromkeys((each.name, each.severity) for report in reports for each in report.gathered.checks)
    for name, severity in names:
        wrong = _each(
            reports,
            lambda report, name=name: [  # type: ignore[misc]
                each.message for each in report.gathered.checks if each.name == name and not each.passed
            ],
        )
        level = dg.AssetCheckSeverity.ERROR if severity == "error" else dg.AssetCheckSeverity.WARN
        yield Finding(name, wrong, f"holds for {len(reports) - len(wrong)} of {len(reports)}", level)


def declared_checks(entry: Entry) -> dict[str, bool]:
    """Return the names of the checks that the YAML declares, and whether they keep a report from going out."""
    declaration = entry.declaration
    found = {check.name or f"check_{at + 1}": check.severity == "error" for at, check in enumerate(declaration.checks)}
    return found | ({"max_age": True} if declaration.max_age is not None else {})


def _specs(entry: Entry) -> Iterator[dg.AssetCheckSpec]:
    name = entry.declaration.name
    for check, description in ABOUT.items():
        yield dg.AssetCheckSpec(check, asset=name, description=description, blocking=True)
    sql = {check.name or f"check_{at + 1}": check.sql for at, check in enumerate(entry.declaration.checks)}
    for check, blocking in declared_checks(entry).items():
        said = f"`{sql[check].strip()}`" if check in sql else "Its tables are not older than max_age."
        yield dg.AssetCheckSpec(check, asset=name, description=said, blocking=blocking)


def _result(finding: Finding, asset: str) -> dg.AssetCheckResult:
    shown = markdown_table(finding.wrong[:OFFENDERS_SHOWN])
    said = f"{len(finding.wrong)} problems: {finding.wrong[0]['problem']}" if finding.wrong else finding.said
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=finding.check,
        passed=not finding.wrong,
        severity=finding.severity,
        description=said,
        metadata={"problems": dg.MetadataValue.md(shown)} if finding.wrong else {},
    )
