"""The identity of a batch: the key that two have in common only if they come to the same rows.

What must not live here: finding files (sources/files.py), what a declaration's version is made of (declaration/).
"""

import hashlib
from collections.abc import Sequence

from batch_pipelines.processing.declaration.catalog import Entry
from batch_pipelines.processing.sources.files import combined


def batch_key(
    dataset: str, partition: str, contents: Sequence[str], entry: Entry, corrections: str | None = None
) -> str:
    """Return the key of a batch: all that decides its rows, but for the tables that it refers to.

    Args:
        dataset: The dataset.
        partition: The partition.
        contents: SHA-256 of its files, in order.
        entry: The declaration.
        corrections: Digest of the corrections that hold for these contents.
    """
    parts = [dataset, partition, combined(contents), entry.declaration.version(entry.folder)]
    return hashlib.sha256("\n".join([*parts, *([corrections] if corrections else [])]).encode()).hexdigest()
