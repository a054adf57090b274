"""The asset checks of a report: what fails here, and blocks, is delivered to nobody.

They read what was recorded of each partition of the run (alone: of the partition that was made last). What must not
live here: what is checked (orchestration/report_checking.py).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from batch_pipelines.components.metadata import check_result
from batch_pipelines.components.report.graph import report_partitions
from batch_pipelines.orchestration.names import checks_name
from batch_pipelines.orchestration.partitions import partitions_of_run
from batch_pipelines.orchestration.report_checking import Finding, check_reports, checks_of
from batch_pipelines.orchestration.report_records import Report, recorded, recorded_partitions
from batch_pipelines.orchestration.session import open_desk
from batch_pipelines.reporting.declaration.catalog import Entry

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import ReportDesk


def report_checks(entry: Entry) -> dg.AssetChecksDefinition:
    """Return the checks of a report."""
    name = entry.declaration.name
    partitions = report_partitions(entry)

    @dg.multi_asset_check(
        name=checks_name(name),
        description=f"Looks at the files of {name} before they are delivered. Changes nothing; may be run at any time.",
        specs=[
            dg.AssetCheckSpec(each.name, asset=name, description=each.description, blocking=each.blocking)
            for each in checks_of(entry)
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        asked = partitions_of_run(context.run.tags, partitions)
        with open_desk() as desk:
            findings = check_reports(_reports(desk, name, asked), desk.settings.data)
        for finding in findings:
            if dg.AssetCheckKey(dg.AssetKey(name), finding.check) in context.selected_asset_check_keys:
                yield _result(finding, name)

    return checks


def _reports(desk: "ReportDesk", name: str, asked: Sequence[str]) -> list[Report]:
    data = desk.settings.data
    partitions = list(asked) or recorded_partitions(data, name)[-1:]
    reports = [report for partition in partitions for report in recorded(data, name, partition)]
    if not reports:
        raise dg.Failure(description=f"nothing was made of {name} yet: there is nothing to check", allow_retries=False)
    return reports


def _result(finding: Finding, asset: str) -> dg.AssetCheckResult:
    said, blocking = str(finding), finding.blocking
    return check_result(asset, finding.check, finding.wrong, said, blocking=blocking, title="problems")
