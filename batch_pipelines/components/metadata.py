"""Pieces of what the UI shows of any kind of pipeline: cells, tables, the verdict of a check. Values only.

What must not live here: what is shown of one kind (`metadata.py` of each type).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

Metadata = dict[str, dg.MetadataValue]
Cell = str | int | float | bool | None
CELL_LETTERS = 80
WRONG_SHOWN = 20


def check_result(
    asset: str, check: str, wrong: Sequence[Mapping[str, object]], said: str, *, blocking: bool, title: str
) -> dg.AssetCheckResult:
    """Return the verdict of a check.

    Args:
        asset: What was checked.
        check: Its name.
        wrong: A row for each thing that is not as it should be; none, and it has passed.
        said: The verdict in one line.
        blocking: Whether what is wrong is an error, not a warning.
        title: What the rows are.
    """
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(asset),
        check_name=check,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={title: dg.MetadataValue.md(markdown_table(wrong[:WRONG_SHOWN]))} if wrong else {},
    )


def table(rows: Sequence[Mapping[str, Cell]], kinds: Mapping[str, str]) -> dg.TableMetadataValue:
    """Return rows as a table.

    Args:
        rows: Each has all the columns.
        kinds: The columns in order, with Dagster's word for their type.
    """
    records = [dg.TableRecord({name: row[name] for name in kinds}) for row in rows]
    columns = [dg.TableColumn(name, kind) for name, kind in kinds.items()]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns=columns))


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a Markdown table, empty without rows."""
    if not rows:
        return ""
    names = list(rows[0])
    lines: list[list[object]] = [[*names], ["---" for _ in names]]
    lines += [[row[name] for name in names] for row in rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def cell(value: object, letters: int = CELL_LETTERS) -> str:
    """Return a value as one cell of a Markdown table: one line, no bars, not too long."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
    text = "" if value is None else str(value)
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    text = text if len(text) <= letters else f"{text[:letters]}…"
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
