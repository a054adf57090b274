"""Reporting behind one name: gather, process, generate; bursts, previews, lint.

All that Dagster's ops, the `bp` command, the demo and tests need of reports. Nothing here decides anything.
"""

import datetime as dt
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.declaring import partitions
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.settings import Settings
from batch_pipelines.reporting.declaration.catalog import Catalog, load_catalog
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.gather import WORK, burst_rows, gather
from batch_pipelines.reporting.generate import REPORTS, generate, read_manifest, safe_part
from batch_pipelines.reporting.lint import lint
from batch_pipelines.reporting.model import CheckResult, Gathered, Manifest, ReportRequest
from batch_pipelines.reporting.needs import tables_of
from batch_pipelines.reporting.process import process
from batch_pipelines.reporting.render.renderer import Renderer
from batch_pipelines.reporting.render.renderers import RENDERERS
from batch_pipelines.reporting.retention import clear_reports
from batch_pipelines.reporting.verify import preview_png, verify

PREVIEWS = "reports/.preview"


@dataclass(frozen=True, slots=True)
class BurstRequest:
    """One report of a burst.

    Attributes:
        request: Which report.
        email: Its recipient's address, if the burst tells one.
    """

    request: ReportRequest
    email: str | None


class Reporting:
    """Reports of one deployment.

    Args:
        settings: Where everything is.
        clock: Time.
        renderers: By format; those that are built in by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        renderers: Mapping[str, Renderer] | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._renderers = MappingProxyType(dict(renderers or RENDERERS))

    @cached_property
    def catalog(self) -> Catalog:
        """All declared reports."""
        return load_catalog(self.settings.defs)

    def tables(self, name: str) -> list[str]:
        """The tables that a report reads, sorted."""
        return sorted(tables_of(self.catalog.entry(name).declaration))

    def request(
        self,
        name: str,
        *,
        filters: Mapping[str, Any] | None = None,
        formats: str | None = None,
        period: str | None = None,
        locale: str | None = None,
    ) -> ReportRequest:
        """A request as a person states it.

        Args:
            name: Of the report.
            filters: Values of its filters.
            formats: `pdf`, or several with commas; those declared where None or empty.
            period: Key of a partition; the last that has ended where None or empty.
            locale: Instead of the declared one.

        Raises:
            ConfigError: Something of it cannot be had.
        """
        declaration = self.catalog.entry(name).declaration
        wanted = tuple(part.strip() for part in formats.split(",")) if formats else None
        for each in wanted or ():
            if each not in self._renderers:
                raise ConfigError(f"there is no format {each!r}; there are {', '.join(self._renderers)}")
        key = period or None
        if key is None and declaration.partitions is not None:
            key = self.last_partition(name)
        return ReportRequest(name, key, dict(filters or {}), wanted, locale or None)

    def last_partition(self, name: str) -> str:
        """Key of the last window that has ended.

        Raises:
            ConfigError: The report has no partitions, or none has ended.
        """
        declared = self.catalog.entry(name).declaration.partitions
        if declared is None:
            raise ConfigError(f"report {name!r} has no partitions")
        ended = partitions.keys(declared, self._clock.now())
        if not ended:
            raise ConfigError(f"report {name!r}: its first window, {declared.start}, has not ended yet")
        return ended[-1]

    def burst(self, request: ReportRequest) -> list[BurstRequest]:
        """The reports of a burst, in the order of its query.

        Raises:
            ConfigError: The report has no burst, its SQL does not work, or two rows have one key.
        """
        entry = self.catalog.entry(request.name)
        rows, burst = burst_rows(entry, request, self.settings.data), entry.declaration.burst
        if burst is None:
            raise ConfigError(f"report {request.name!r} has no burst")
        made: dict[str, BurstRequest] = {}
        for row in rows:
            columns = [burst.key, *burst.filters.values(), *([burst.email] if burst.email else [])]
            if missing := [column for column in columns if column not in row]:
                raise ConfigError(f"burst: its query has no column {missing[0]!r}; it has {', '.join(row)}")
            if row[burst.key] is None:
                raise ConfigError(f"burst: its query has a row without {burst.key!r}; leave such rows out")
            key = safe_part(str(row[burst.key]))
            if key in made:
                raise ConfigError(f"burst: its query has {key!r} twice; a key is one report")
            filters = {**request.filters, **{name: row[column] for name, column in burst.filters.items()}}
            email = str(row[burst.email]) if burst.email and row[burst.email] is not None else None
            made[key] = BurstRequest(replace(request, filters=filters, key=key), email)
        return list(made.values())

    def gather(self, request: ReportRequest) -> Gathered:
        """Run the queries, keep their rows. The same again finds the same snapshot.

        Raises:
            ConfigError: The request cannot be met, or the SQL does not work.
        """
        return gather(self.catalog.entry(request.name), request, self.settings.data, self._clock.now())

    def process(self, gathered: Gathered) -> Document:
        """Make the document.

        Raises:
            ConfigError: A template or a block does not fit what was gathered.
        """
        return process(self.catalog.entry(gathered.request.name), gathered, self.settings.data)

    def generate(self, document: Document, gathered: Gathered, *, preview: bool = False) -> Manifest:
        """Write the files, whole or not at all; `existing` if these very files were there already.

        Args:
            document: What `process` made.
            gathered: What `gather` made.
            preview: Put them apart, below `data/reports/.preview`, where no report is looked for.
        """
        entry = self.catalog.entry(gathered.request.name)
        root = PREVIEWS if preview else REPORTS
        return generate(entry, document, gathered, self.settings.data, self._renderers, root)

    def make(self, request: ReportRequest) -> Manifest:
        """Gather, process and generate in one go, in this process."""
        gathered = self.gather(request)
        manifest = self.generate(self.process(gathered), gathered)
        self.discard(gathered)
        return manifest

    def verify(self, manifest: Manifest) -> list[CheckResult]:
        """Whether every file is there, opens, and holds what the manifest says."""
        return verify(manifest, self.settings.data)

    def preview_png(self, manifest: Manifest) -> bytes | None:
        """A small picture of the PDF's first page; None without a PDF."""
        return preview_png(manifest, self.settings.data)

    def manifests(self, name: str, key: str | None = None) -> list[Manifest]:
        """Reports that lie in their place, of all partitions, the newest partition first."""
        root = self.settings.data / REPORTS / name
        found = [read_manifest(file.parent, self.settings.data) for file in sorted(root.rglob("manifest.json"))]
        made = [each for each in found if each is not None and each.key == key]
        return sorted(made, key=lambda each: each.partition or "", reverse=True)

    def discard(self, gathered: Gathered) -> None:
        """Remove a snapshot that nobody needs any more."""
        shutil.rmtree(self.settings.data / gathered.folder, ignore_errors=True)

    def tidy(self, older_than: dt.timedelta) -> int:
        """Remove snapshots that no run has come back for; how many."""
        limit = (self._clock.now() - older_than).timestamp()
        work = self.settings.data / WORK
        old = [folder for folder in work.glob("*") if folder.stat().st_mtime < limit]
        for folder in old:
            shutil.rmtree(folder, ignore_errors=True)
        return len(old)

    def clear(self, named: Collection[str], older_than: dt.timedelta) -> int:
        """Remove old makings of windows, but the newest few and those in the named folders; how many went."""
        return clear_reports(self.settings.data, named, (self._clock.now() - older_than).timestamp())

    def lint(self, name: str) -> list[str]:
        """Everything that can be known to fail before a run, as `file:line: key: what`; nothing if all is well."""
        return lint(self.catalog.entry(name), self.settings.data)

    def clear_previews(self, name: str) -> None:
        """Remove what earlier previews of a report left."""
        shutil.rmtree(self.settings.data / PREVIEWS / name, ignore_errors=True)
