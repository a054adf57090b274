"""What the UI shows of a batch: rows, columns, a look at the table, rejects by reason, chunks, files. Values only.

What must not live here: when it is logged (steps.py), how it is counted (processing/).
"""

from collections.abc import Mapping, Sequence

import dagster as dg

from batch_pipelines.components.metadata import Cell, Metadata, cell, markdown_table, table
from batch_pipelines.processing.declaration.columns import Column
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.reports import BatchReport

CHUNKS_SHOWN = 200
KEY_LETTERS = 12  # enough to tell batches apart; all of it makes the table wider than the page
SAMPLE_LETTERS = 240


def table_metadata(
    report: BatchReport,
    declaration: DatasetDeclaration,
    *,
    path: str,
    table_rows: int,
    partition_rows: int,
    preview: Sequence[Mapping[str, object]],
) -> Metadata:
    """Return what is shown of a published batch on the asset of its table.

    Args:
        report: The batch.
        declaration: Its dataset, for the descriptions of columns.
        path: Where the table lies.
        table_rows: Rows of the whole table.
        partition_rows: Rows of the partition: the batch's own, unless it was added to others.
        preview: A few rows of the partition.
    """
    counts = report.counts
    warnings: Metadata = (
        {"warnings": dg.MetadataValue.md(_counted("warning", report.warnings))} if report.warnings else {}
    )
    return {
        "outcome": dg.MetadataValue.text(report.message),
        "dagster/row_count": dg.MetadataValue.int(table_rows),
        "dagster/partition_row_count": dg.MetadataValue.int(partition_rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(_schema(report.columns, declaration)),
        "preview": dg.MetadataValue.md(markdown_table(preview) or "*no rows*"),
        "reject_reasons": dg.MetadataValue.md(_counted("reason", report.reasons)),
        **warnings,
        **_changed(report.schema_change),
        "chunks": _chunk_table(report.chunks),
        "source_files": dg.MetadataValue.md("\n".join(f"- `{name}`" for name in report.files) or "*none*"),
        "items_read": dg.MetadataValue.int(counts.items),
        "items_written": dg.MetadataValue.int(counts.written),
        "items_filtered": dg.MetadataValue.int(counts.filtered),
        "items_dead_lettered": dg.MetadataValue.int(counts.dead),
        "items_with_warnings": dg.MetadataValue.int(counts.warned),
        "reject_rate": dg.MetadataValue.float(round(reject_rate(report), 6)),
        "seconds": dg.MetadataValue.float(round(report.seconds, 3)),
        "path": dg.MetadataValue.path(path),
        **_identity(report),
    }


def letters_metadata(report: BatchReport, *, path: str) -> Metadata:
    """Return what is shown of a published batch on the asset of its dead letters.

    Args:
        report: The batch.
        path: Where the dead letters lie.
    """
    return {
        "dagster/partition_row_count": dg.MetadataValue.int(report.dead_letters),
        "dead_letters": dg.MetadataValue.int(report.dead_letters),
        "reasons": dg.MetadataValue.md(_counted("reason", report.reasons)),
        "samples": dg.MetadataValue.md("\n".join(map(_sample, report.samples)) or "*none*"),
        "path": dg.MetadataValue.path(path),
        **_identity(report),
    }


def reject_rate(report: BatchReport, accepted: int = 0) -> float:
    """Return the share of the batch's items that are dead letters; `accepted` ones don't count."""
    return (report.counts.dead - accepted) / report.counts.items if report.counts.items else 0.0


def _changed(lines: Sequence[str]) -> Metadata:
    """Return what the batch changed of the table's columns, if anything."""
    return {"schema_change": dg.MetadataValue.md("\n".join(f"- {cell(line)}" for line in lines))} if lines else {}


def _identity(report: BatchReport) -> Metadata:
    return {
        "batch_key": dg.MetadataValue.text(report.key[:KEY_LETTERS]),
        "generation": dg.MetadataValue.int(report.generation),
        "publication": dg.MetadataValue.int(report.publication),
    }


def _schema(columns: Sequence[tuple[str, str]], declaration: DatasetDeclaration) -> dg.TableSchema:
    declared = declaration.columns or {}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=type_name,
                description=_origin(name, declared.get(name), declaration),
                constraints=_constraints(declared.get(name)),
            )
            for name, type_name in columns
        ]
    )


def _origin(name: str, column: Column | None, declaration: DatasetDeclaration) -> str | None:
    """Return the column's description; for a computed one, how it comes about."""
    if column is not None:
        return column.description
    if name in declaration.derive:
        return f"Derived: {declaration.derive[name]}"
    return f"Added by {declaration.transform}." if declaration.transform else None


def _constraints(column: Column | None) -> dg.TableColumnConstraints:
    if column is None:
        return dg.TableColumnConstraints()
    rules = [
        f"{word} {value}"
        for word, value in (("min", column.min), ("max", column.max), ("matches", column.pattern))
        if value is not None
    ]
    if column.enum is not None:
        rules.append(f"one of {', '.join(map(str, column.enum))}")
    if column.reference is not None:
        rules.append(f"in {column.reference}")
    if column.severity == "warn":
        rules = [f"{rule} (warns)" for rule in rules]
    return dg.TableColumnConstraints(nullable=not column.required, other=rules)


def _sample(sample: str) -> str:
    """Return `file:line: message` as an entry of a list in short lines: the page cuts long ones instead of wrapping."""
    place, _, message = sample.partition(": ")
    return f"- {cell(message, SAMPLE_LETTERS)}  \n  {cell(place.rpartition('/')[2])}"


def _counted(title: str, counts: Mapping[str, int]) -> str:
    return markdown_table([{title: name, "items": f"{n:,}"} for name, n in counts.items()]) or "*none*"


def _chunk_table(chunks: Sequence[Mapping[str, object]]) -> dg.MetadataValue:
    """Return the chunks as a table; where there are too many, those that took longest or failed."""
    if not chunks:
        return dg.MetadataValue.text("no chunks: the source is empty")
    shown = sorted(chunks, key=_conspicuous)[:CHUNKS_SHOWN]
    rows = [_chunk(row) for row in sorted(shown, key=lambda chunk: str(chunk["index"]).zfill(9))]
    return table(rows, {name: _type_of(name) for name in rows[0]})


def _chunk(row: Mapping[str, object]) -> dict[str, Cell]:
    names = {"attempts": "failures"}  # a chunk that is done at once has none
    return {names.get(name, name): _scalar(value) for name, value in row.items()}


def _conspicuous(chunk: Mapping[str, object]) -> tuple[bool, float]:
    return chunk["state"] == "done", -float(str(chunk["seconds"] or 0))


def _type_of(name: str) -> str:
    return {"state": "string", "error": "string", "seconds": "float"}.get(name, "int")


def _scalar(value: object) -> Cell:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, str | int | bool) or value is None else str(value)
