"""Workbooks and CSV from one Parquet file: ours, openpyxl, pandas."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.measure import Json
from benchmarks.reporting.inputs import wide_rows

ROWS_FILE = "rows.parquet"


def prepare(job: Json) -> Json:
    """Make the rows, unless an earlier round has."""
    file = Path(job["input"])
    if not file.is_file():
        wide_rows(file, job["rows"], 1)
    return {}


def ours_xlsx(job: Json) -> Json:
    """Our workbook: summary, heads, formats, filters, and all rows."""
    from batch_pipelines.reporting.declaration.brand import Brand  # noqa: PLC0415
    from batch_pipelines.reporting.document import Document, Sheet  # noqa: PLC0415
    from batch_pipelines.reporting.render.xlsx import XlsxRenderer  # noqa: PLC0415

    source = Path(job["input"])
    document = Document(
        "0", "rows", None, "Rows", None, None, [], "en_US", "UTC", "", "2024-01-01T00:00:00+00:00", "ready", [],
        [Sheet("rows", source.name, job["rows"])],
    )  # fmt: skip
    out = Path(job["folder"])
    (made,) = XlsxRenderer().render(document, source.parent, out, Brand())
    return {"bytes": (out / made.name).stat().st_size}


def openpyxl_write_only(job: Json) -> Json:
    """The quickest that openpyxl has."""
    import openpyxl  # noqa: PLC0415  only what is measured

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    file = Path(job["folder"]) / "rows.xlsx"
    with pq.ParquetFile(job["input"]) as opened:
        sheet.append(opened.schema_arrow.names)
        for batch in opened.iter_batches(10_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                sheet.append(_safe(row))
    book.save(file)
    return {"bytes": file.stat().st_size}


def pandas_openpyxl(job: Json) -> Json:
    """What most people write."""
    import pandas as pd  # noqa: PLC0415  only what is measured

    file = Path(job["folder"]) / "rows.xlsx"
    pd.read_parquet(job["input"]).to_excel(file, index=False)
    return {"bytes": file.stat().st_size}


def ours_csv(job: Json) -> Json:
    """Our CSV, formulas made harmless."""
    from batch_pipelines.reporting.render.files import write_csv  # noqa: PLC0415

    file = Path(job["folder"]) / "rows.csv"
    rows = write_csv(Path(job["input"]), file, escape_formulas=True)
    return {"bytes": file.stat().st_size, "rows": rows}


def pandas_csv(job: Json) -> Json:
    """What most people write."""
    import pandas as pd  # noqa: PLC0415  only what is measured

    file = Path(job["folder"]) / "rows.csv"
    frame = pd.read_parquet(job["input"])
    frame.to_csv(file, index=False)
    return {"bytes": file.stat().st_size, "rows": len(frame)}


def _safe(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Text like a formula would become one."""
    return tuple(f"'{cell}" if isinstance(cell, str) and cell.startswith("=") else cell for cell in row)
