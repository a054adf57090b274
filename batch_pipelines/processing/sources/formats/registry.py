"""Which format the files of a dataset are in.

What must not live here: anything about one format.
"""

from collections.abc import Callable

from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.declaration.options import FileFormat
from batch_pipelines.processing.sources.formats.csv import CsvFormat
from batch_pipelines.processing.sources.formats.jsonl import JsonlFormat
from batch_pipelines.processing.sources.formats.parquet import ParquetFormat
from batch_pipelines.processing.sources.formats.xlsx import XlsxFormat
from batch_pipelines.processing.sources.reading import Format


def format_of(declaration: DatasetDeclaration) -> Format:
    """Return the format of a dataset's files, written as its options say."""
    kinds: dict[FileFormat, Callable[[DatasetDeclaration], Format]] = {
        "csv": CsvFormat.of,
        "jsonl": JsonlFormat.of,
        "parquet": ParquetFormat.of,
        "xlsx": XlsxFormat.of,
    }
    return kinds[declaration.file_format](declaration)
