"""The worker's function for a chunk of dead letters: those that are to be tried go the way of all records again.

What must not live here: that way (chunk.py), which letters are tried (dead_letters/).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from batch_pipelines.core.errors import IntegrityError
from batch_pipelines.core.faults import fault
from batch_pipelines.processing.dead_letters import letters
from batch_pipelines.processing.rows.rejects import Finding, Rejects
from batch_pipelines.processing.sources.formats.registry import format_of
from batch_pipelines.processing.working.chunk import Job, job_of, worked
from batch_pipelines.processing.working.outcome import Outcome, Records, written


def work_letters(payload: dict[str, Any]) -> dict[str, Any]:
    """Work one chunk of dead letters: as `work_chunk`; letters that are not to be tried stay as they are.

    Raises:
        IntegrityError: The counts do not add up, or a file is gone or damaged.
        PermanentError: The transform or an expression cannot be applied.
    """
    job = job_of(payload)
    content, passed = _letters(job)
    fault("chunk.read")
    records, outcome = worked(job, content, content.numbers)
    fault("chunk.checked")
    return written(payload, replace(records, passed=passed), outcome)


def bury(payload: dict[str, Any], reason: str) -> dict[str, Any]:
    """Give the one letter of a chunk another reason, unread: it has killed its worker too often.

    Raises:
        IntegrityError: The chunk has more than one letter.
    """
    job = job_of(payload)
    if payload["items"] != 1:
        raise IntegrityError(f"a chunk of {payload['items']} letters cannot be given up as one; split it first")
    content, passed = _letters(job)
    places = content.places()
    records = Records(content.source, content, content.numbers, places.line, places.offset, passed=passed)
    rejects = Rejects([Finding("worker", None, reason, np.arange(len(places.line), dtype=np.int64))])
    return written(payload, records, Outcome(pa.table({}), 0, rejects, Rejects()))


def _letters(job: Job) -> tuple[letters.Letters, pa.Table | None]:
    tried, passed = letters.read(job.chunk, Path(job.payload["data"]), str(job.payload["dataset"]))
    content = letters.Letters(tried, format_of(job.declaration), job.chunk["source"])
    return content, passed if passed.num_rows else None
