"""`write: append`: which files of a partition hold content that it does not hold yet; only they are planned.

What must not live here: what the table knows of contents (tables/write_modes.py), planning files (plan.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.model import Batch, Json
from batch_pipelines.processing.sources.files import SourceFile, sha256_of
from batch_pipelines.processing.tables.write_modes import held_contents


@dataclass(frozen=True, slots=True)
class NewContent:
    """The files of a partition that are to be appended.

    Attributes:
        files: Each content once.
        digests: Their SHA-256.
        held: Contents that the partition holds already.
        unmarked: Those of them that came in as the partition was replaced: the table doesn't know them by name yet.
    """

    files: list[SourceFile]
    digests: list[str]
    held: set[str]
    unmarked: set[str]

    @property
    def marks(self) -> Json:
        """What the plan has to say of them (see `appending`)."""
        return {"new": self.digests, "known": sorted(self.unmarked)}

    def refuse_twice(self, name: str) -> None:
        """Refuse to force content that the partition holds.

        Raises:
            ConfigError: There is some.
        """
        if self.held:
            msg = (
                f"{name} holds this content already, and `write: append` adds no content twice, not even with force; "
                "to process all of it anew, declare `write: replace`, or move the table away"
            )
            raise ConfigError(msg)


def new_content(
    data: Path, dataset: str, partition: str, files: Sequence[SourceFile], current: Batch | None
) -> NewContent:
    """Find the files whose content is to be appended.

    Args:
        data: The data folder.
        dataset: The dataset.
        partition: Its partition.
        files: All files that the partition has now.
        current: The batch that the partition is at.
    """
    digests = {file: sha256_of(file) for file in files}
    marked = held_contents(data, dataset, partition, set(digests.values()))
    replaced = current is not None and current.plan["declaration"]["write"] != "append"
    brought = {file["sha256"] for file in current.plan["files"]} if current and replaced else set()
    held = (marked | brought) & set(digests.values())
    first = {digest: file for file, digest in reversed(digests.items()) if digest not in held}
    fresh = sorted((file, digest) for digest, file in first.items())
    return NewContent([file for file, _ in fresh], [digest for _, digest in fresh], held, brought - marked)
