"""Defects by the million through the whole pipeline: every one a dead letter, no good row one, nothing lost or altered.

Run with 200,000 rows by test_defects.py and with 2,000,000 by the soak.
"""

import gzip
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from batch_pipelines.core.model import Json
from batch_pipelines.lake.delta import table_path
from batch_pipelines.lake.parts import read_part
from batch_pipelines.processing.reports import BatchReport
from batch_pipelines_tests.processing import defects
from batch_pipelines_tests.processing.datasets import Project, reasons
from batch_pipelines_tests.processing.defects import ATTRIBUTES, CITIES, DATASET, RULES, Made


def run_trial(
    home: Path, rows: int, seed: int, *, chunk_size: str = "1MB", processes: bool = True, packed: bool = False
) -> Json:
    """Make a file in the project at `home`, process it, and compare all that came out with all that went in.

    Returns:
        Figures: rows, good, dead by kind, bytes, chunks, seconds, rows a second.

    Raises:
        AssertionError: Something is not as it has to be.
    """
    project = Project(home, processes=processes)
    try:
        made = _prepare(project, rows, seed, chunk_size, packed=packed)
        began = time.perf_counter()
        report = project.one(DATASET)
        seconds = time.perf_counter() - began
        _check_counts(report, made)
        _check_dead_letters(project, report, made)
        _check_rows(project, made)
    finally:
        project.processing.close()
    return {
        "rows": rows,
        "seed": seed,
        "bytes": made.bytes,
        "chunks": len(report.chunks),
        "good": report.rows,
        "dead": report.dead_letters,
        "dead_by_kind": dict(sorted(Counter(defect.kind for defect in made.defects).items())),
        "seconds": round(seconds, 2),
        "rows_per_second": round(rows / seconds),
    }


def run_defects(rows: int, seed: int) -> Json:
    """The trial in a folder of its own, with chunks of the default size and worker processes: the soak's."""
    with tempfile.TemporaryDirectory(prefix="defects-") as folder:
        home = Path(folder) / "home"
        (home / "data").mkdir(parents=True)
        return run_trial(home, rows, seed, chunk_size="16MB")


def _prepare(project: Project, rows: int, seed: int, chunk_size: str, *, packed: bool) -> Made:
    project.declare("cities", "source: in/cities.csv\ncolumns: {name: {type: string, required: true}}")
    project.write("in/cities.csv", "name\n" + "\n".join(CITIES) + "\n")
    project.declare(DATASET, f"{ATTRIBUTES}\nchunk_size: {chunk_size}")
    project.one("cities")
    plain = project.home / "in" / f"{DATASET}.csv"
    made = defects.write(plain, rows, seed)
    if packed:
        with plain.open("rb") as source, gzip.open(plain.with_suffix(".csv.gz"), "wb", 1) as target:
            shutil.copyfileobj(source, target)
        plain.with_suffix(".csv.gz").replace(plain)  # what it is, its first bytes tell
    return made


def _check_counts(report: BatchReport, made: Made) -> None:
    counts = report.counts
    assert report.ok, report.message
    assert counts.items == made.rows == counts.written + counts.filtered + counts.dead
    assert counts.dead == len(made.defects)
    for chunk in report.chunks:
        assert chunk["items"] == chunk["written"] + chunk["filtered"] + chunk["dead"]


def _check_dead_letters(project: Project, report: BatchReport, made: Made) -> None:
    """Exactly the defects: record, line, offset, raw bytes, and one reason that fits the kind."""
    letters = []
    for chunk in project.chunks(report.batch_id):
        if chunk.result and (part := chunk.result.detail["dead_letters"]):
            letters += read_part(project.data / "dead_letters" / DATASET / part["path"]).to_pylist()
    assert len(letters) == len(made.defects)
    for letter, defect in zip(sorted(letters, key=lambda each: each["offset"]), made.defects, strict=True):
        found = (letter["record"], letter["line"], letter["offset"], letter["raw"])
        assert found == (defect.record, defect.line, defect.offset, defect.raw), defect
        assert len(letter["reasons"]) == 1, (defect, letter)
        assert reasons(letter)[0] in RULES[defect.kind], (defect, letter)


def _check_rows(project: Project, made: Made) -> None:
    """Exactly the good rows, value for value, each with its own line and offset."""
    table: Any = pa.table(DeltaTable(table_path(project.data, DATASET)).to_pyarrow_table()).sort_by("_offset")
    table = table.set_column(table.column_names.index("amount"), "amount", pc.cast(table["amount"], pa.string()))
    expected = pa.concat_tables(made.good)
    assert table.num_rows == expected.num_rows
    for name in expected.column_names:
        there, wanted = table[name].combine_chunks(), expected[name].combine_chunks()
        assert there.cast(wanted.type).equals(wanted), f"column {name} differs"
