"""Which format the files of a dataset are in.

What must not live here: anything about one format.
"""

from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.sources.formats.csv import CsvFormat
from batch_pipelines.processing.sources.reading import Format


def format_of(declaration: DatasetDeclaration) -> Format:
    """Return the format of a dataset's files, written as its options say."""
    return CsvFormat.of(declaration)
