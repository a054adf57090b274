"""What the UI shows of a report: its first page, figures, files, what it knows until when. Values only.

What must not live here: when it is logged (graph.py).
"""

import base64
from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from batch_pipelines.components.metadata import Cell, Metadata, table
from batch_pipelines.core.delivered import DeliveryState
from batch_pipelines.orchestration.report_records import Report
from batch_pipelines.reporting.delivering import Outcome

PREVIEW_BYTES = 20_000  # it lives in the event log, once a materialisation
REPORTS_SHOWN = 50


def report_metadata(reports: Sequence[Report], data: Path, picture: bytes | None = None) -> Metadata:
    """Return what is shown of one partition of a report on its asset: of a burst, of all its reports.

    Args:
        reports: The reports of the partition.
        data: The data folder.
        picture: Of the first page.
    """
    first = reports[0]
    manifest, several = first.manifest, len(reports) > 1
    states = list(dict.fromkeys(state for report in reports for state in report.states))
    notices = [*first.missing, *(line for report in reports for line in (*report.manifest.truncated,))]
    warnings = [line for report in reports for line in report.manifest.warnings]
    return {
        **shown_picture(picture, manifest.title),
        "title": dg.MetadataValue.text(manifest.title),
        "state": dg.MetadataValue.text(", ".join(states)),
        **({"notices": dg.MetadataValue.md(_list(notices))} if notices else {}),
        **({"warnings": dg.MetadataValue.md(_list(warnings))} if warnings else {}),
        **({} if several else figures(first)),
        "files": files_table(reports[:REPORTS_SHOWN]),
        "reports": dg.MetadataValue.int(len(reports)),
        "dagster/partition_row_count": dg.MetadataValue.int(sum(report.rows for report in reports)),
        "data_as_of": dg.MetadataValue.text(first.gathered.as_of or "no table"),
        "report_id": dg.MetadataValue.text(", ".join(report.manifest.report_id for report in reports[:REPORTS_SHOWN])),
        "path": dg.MetadataValue.path(
            str((data / manifest.folder).parent.parent if several else data / manifest.folder)
        ),
    }


def figures(report: Report) -> Metadata:
    """Return the KPIs as numbers: Dagster plots them over the partitions."""
    found: Metadata = {}
    for kpi in report.manifest.kpis:
        if isinstance(kpi.value, bool) or not isinstance(kpi.value, int | float):
            continue
        found[kpi.label] = (
            dg.MetadataValue.int(kpi.value)
            if isinstance(kpi.value, int)
            else dg.MetadataValue.float(round(kpi.value, 4))
        )
    return found


def files_table(reports: Sequence[Report]) -> dg.TableMetadataValue:
    """Return the files, a row each."""
    rows: list[dict[str, Cell]] = [
        {
            "file": "/".join(filter(None, (report.manifest.key, file.name))),
            "bytes": file.bytes,
            "rows": file.rows if file.rows is not None else "",
            "pages": file.pages if file.pages is not None else "",
            "sha256": file.sha256[:16],
        }
        for report in reports
        for file in report.manifest.files
    ]
    kinds = {"file": "string", "bytes": "int", "rows": "string", "pages": "string", "sha256": "string"}
    return table(rows, kinds)


def delivery_metadata(outcomes: Sequence[Outcome]) -> Metadata:
    """Return what is shown of the deliveries of one partition."""
    rows = [row for outcome in outcomes for row in outcome.deliveries]
    held_back = list(dict.fromkeys(outcome.held_back for outcome in outcomes if outcome.held_back))
    counts: Metadata = {
        state.value: dg.MetadataValue.int(sum(row.state is state for row in rows)) for state in DeliveryState
    }
    del counts[DeliveryState.SENDING.value], counts[DeliveryState.PLANNED.value]
    shown: list[dict[str, Cell]] = [
        {
            "channel": row.key.channel,
            "recipient": _shown(row.key.recipient),
            "state": row.state.value,
            "attempts": row.attempts,
            "said": row.detail or "",
        }
        for row in rows[:REPORTS_SHOWN]
    ]
    kinds = {name: "int" if name == "attempts" else "string" for name in (shown[0] if shown else ())}
    return {
        **counts,
        **({"not_delivered_because": dg.MetadataValue.text("; ".join(held_back))} if held_back else {}),
        **({"deliveries": table(shown, kinds)} if shown else {}),
    }


def _shown(recipient: str) -> str:
    return recipient.partition("?")[0]  # an address of S3 may have options


def shown_picture(picture: bytes | None, title: str) -> Metadata:
    """Return a picture as Markdown, if it is small enough for the event log."""
    if picture is None or len(picture) > PREVIEW_BYTES:
        return {}
    address = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    return {"preview": dg.MetadataValue.md(f"![{title}]({address})")}


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in dict.fromkeys(lines))
