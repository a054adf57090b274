"""The metadata of a dataset's two assets, batch by batch: asks the table what the report cannot know.

What must not live here: what the metadata looks like (metadata.py), whether a batch is good (processing/).
"""

import pyarrow.compute as pc

from batch_pipelines.components.dataset.metadata import letters_metadata, table_metadata
from batch_pipelines.components.metadata import Metadata
from batch_pipelines.lake.delta import PARTITION, load, table_path
from batch_pipelines.lake.query import SYSTEM_COLUMNS, rows_by_partition
from batch_pipelines.orchestration.names import letters_name
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.reports import BatchReport

PREVIEW_ROWS = 10
PREVIEWS = 32  # of a backfill of many partitions, as many show rows


class Describer:
    """Describes batches of one dataset, as its table is now.

    Args:
        processing: An open session.
        dataset: The dataset.
    """

    def __init__(self, processing: Processing, dataset: str) -> None:
        data = processing.settings.data
        self._dataset = dataset
        self._declaration = processing.catalog.entry(dataset).declaration
        self._path = table_path(data, dataset)
        self._letters_path = data / "dead_letters" / dataset
        table = load(self._path)
        self._all_rows = table.to_pyarrow_dataset() if table else None
        self._rows = rows_by_partition(data, dataset)
        self._previews_left = PREVIEWS

    def describe(self, report: BatchReport) -> dict[str, Metadata]:
        """Return the metadata of a published batch, by asset: the table, the dead letters."""
        return {
            self._dataset: table_metadata(
                report,
                self._declaration,
                path=str(self._path),
                table_rows=sum(self._rows.values()),
                partition_rows=self._rows.get(report.partition, 0),
                preview=self._preview(report.partition),
            ),
            letters_name(self._dataset): letters_metadata(report, path=str(self._letters_path)),
        }

    def _preview(self, partition: str) -> list[dict[str, object]]:
        if self._all_rows is None or not self._previews_left:
            return []
        self._previews_left -= 1
        shown = [name for name in self._all_rows.schema.names if name not in SYSTEM_COLUMNS]
        head = self._all_rows.head(PREVIEW_ROWS, columns=shown, filter=pc.field(PARTITION) == partition)
        rows: list[dict[str, object]] = head.to_pylist()
        return rows
