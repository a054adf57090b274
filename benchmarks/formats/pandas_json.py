"""pandas: `read_json(lines=True, chunksize=…)`, values as they come, checked as the chunks of a CSV are."""

from pathlib import Path

import pandas as pd

from benchmarks.measure import Json
from benchmarks.processing.pandas_chunks import CHUNK_ROWS, process


def run(job: Json) -> Json:
    """Process the file."""
    source = Path(job["input"])
    file = source / "lineitems.jsonl"
    with pd.read_json(file, lines=True, chunksize=CHUNK_ROWS, dtype=False, convert_dates=False) as chunks:
        process(chunks, source, Path(job["folder"]))
    return {}
