"""The most that a source may cost.

What must not live here: anything that has to be imported, for the process that reads workbooks is quick to start.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that a source may cost; beyond it the file is refused.

    Attributes:
        ratio: Plain bytes per packed byte.
        plain_bytes: Plain bytes of a packed file.
        columns: Columns of its header.
        cell: Bytes of a cell; a record with a larger one is a dead letter.
        line: Bytes of a line; a file with a longer one is refused, for memory's sake.
        group_rows: Rows of a row group of a Parquet file.
        group_values: Values of one column in a row group (a list has many a row).
        page: Plain bytes of one page of a Parquet file.
        rows_bytes: Bytes that the rows of one chunk may come to when they are unpacked.
        footer: Bytes of a Parquet file's footer.
        sheet: Plain bytes of the XML of a workbook.
        memory: Bytes that the process which reads a workbook may allocate.
    """

    ratio: int = 100
    plain_bytes: int = 10 << 30
    columns: int = 2000
    cell: int = 1 << 20
    line: int = 16 << 20
    group_rows: int = 1 << 24
    group_values: int = 1 << 25
    page: int = 64 << 20
    rows_bytes: int = 192 << 20
    footer: int = 16 << 20
    sheet: int = 256 << 20
    memory: int = 416 << 20
