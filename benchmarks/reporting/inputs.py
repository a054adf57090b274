"""What workbooks and CSV are made of: rows in Parquet. Made once, before any clock runs."""

import datetime as dt
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 100_000
START = dt.datetime(2024, 1, 1)  # noqa: DTZ001 - a local clock's time


def wide_rows(file: Path, rows: int, seed: int) -> None:
    """12 columns of every kind, to a Parquet file, a batch at a time."""
    dice = random.Random(seed)
    names = [f"Customer number {n}" for n in range(5_000)]
    texts = ["plain text", "text with & and <", 'text "in quotes", with commas', "=not(a formula)", "Grüße"]
    writer: pq.ParquetWriter | None = None
    for at in range(0, rows, BATCH):
        count = min(BATCH, rows - at)
        table = pa.table(
            {
                "id": pa.array(range(at, at + count), pa.int64()),
                "quantity": pa.array([dice.randrange(1_000) for _ in range(count)], pa.int32()),
                "price": [dice.uniform(0, 1_000) for _ in range(count)],
                "rate": [None if dice.random() < 0.9 else dice.random() for _ in range(count)],
                "total": [round(dice.uniform(0, 1e6), 2) for _ in range(count)],
                "day": [(START + dt.timedelta(days=dice.randrange(3_000))).date() for _ in range(count)],
                "at": [START + dt.timedelta(seconds=dice.randrange(10**8)) for _ in range(count)],
                "customer": [names[dice.randrange(5_000)] for _ in range(count)],
                "city": [texts[dice.randrange(5)] for _ in range(count)],
                "code": [f"{dice.randrange(16**8):08x}" for _ in range(count)],
                "note": [texts[dice.randrange(5)] for _ in range(count)],
                "paid": [dice.random() < 0.5 for _ in range(count)],
            }
        )
        writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
