"""Published partitions to all targets of a dataset: what is due is written, and every failure is a line.

One target's failure keeps neither the other targets nor the other partitions back. What must not live here: how a
target is written (files.py, sql_table.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.connections import Connections
from batch_pipelines.core.errors import BatchError, IntegrityError, TransientError
from batch_pipelines.lake.published import Published, published
from batch_pipelines.processing.declaration.exports import Export
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.export.files import FileExporter
from batch_pipelines.processing.export.sql_table import TableExporter
from batch_pipelines.processing.export.targets import Done, Exported


@dataclass(frozen=True, slots=True)
class Exporting:
    """What exporting partitions came to.

    Attributes:
        done: Every partition in every target that took it.
        failures: A line for each that did not.
        may_work_later: Whether everything that failed did so because something was away.
    """

    done: list[Exported] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    may_work_later: bool = True

    def of(self, partition: str) -> list[Exported]:
        """Return what was done with one partition."""
        return [each for each in self.done if each.partition == partition]


class Exporter:
    """Exports datasets of one deployment.

    Args:
        home: The project's folder.
        data: The data folder.
        connections: Where databases are.
        clock: Time.
    """

    def __init__(self, home: Path, data: Path, connections: Connections, clock: Clock) -> None:
        self._data = data
        self._files = FileExporter(home, data, clock)
        self._tables = TableExporter(connections, clock)

    def export(self, declaration: DatasetDeclaration, partitions: Sequence[str]) -> Exporting:
        """Have every target of a dataset hold what is published of these partitions."""
        done: list[Exported] = []
        failures: list[str] = []
        later = True
        for partition in partitions:
            for target in declaration.export:
                try:
                    if exported := self._one(declaration.name, partition, target):
                        done.append(exported)
                except BatchError as error:
                    failures.append(f"{declaration.name}/{partition} → {target.name}: {error}")
                    later = later and isinstance(error, TransientError)
        return Exporting(done, failures, later and bool(failures))

    def behind(self, declaration: DatasetDeclaration, numbers: dict[str, int]) -> list[str]:
        """Return what no target holds yet that is published, a line each; a target that cannot be asked is one, too.

        Args:
            declaration: The dataset.
            numbers: Publication numbers by partition, as they are published.
        """
        lines: list[str] = []
        for target in declaration.export:
            try:
                held = self._held(declaration, target, list(numbers))
            except BatchError as error:
                lines.append(f"{target.name}: {error}")
                continue
            late = [partition for partition, number in numbers.items() if held.get(partition, 0) < number]
            lines += [f"{declaration.name}/{partition} → {target.name}: not exported yet" for partition in late]
        return lines

    def _held(self, declaration: DatasetDeclaration, target: Export, partitions: list[str]) -> dict[str, int]:
        if target.kind == "table":
            return self._tables.recorded(target, declaration.name)
        return {each: self._files.recorded(target, declaration.name, each) for each in partitions}

    def _one(self, dataset: str, partition: str, target: Export) -> Exported | None:
        rows = published(self._data, dataset, partition)
        if rows is None:
            return None
        exported = self._tables.export(target, rows) if target.kind == "table" else self._files.export(target, rows)
        if exported.done is Done.NEWER:
            self._check_newer(exported, rows)
        return exported

    def _check_newer(self, exported: Exported, rows: Published) -> None:
        """A target that is ahead of the table itself: another run published meanwhile, or the table is an old one."""
        now = published(self._data, rows.dataset, rows.partition)
        if now is None or now.number < exported.publication:
            raise IntegrityError(
                f"the target holds publication {exported.publication}, the table only {rows.number}: it was restored, "
                "or another deployment writes there. Nothing was changed; process the partition again with force "
                "until its number is higher, or remove the target's record of it"
            )
