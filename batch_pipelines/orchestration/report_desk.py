"""Reports and the tables they need behind one name, for ops, sensors and commands: the desk that knows both.

Reporting reads tables and knows no datasets; processing knows datasets and no reports. Here they meet: which tables a
report waits for, what is missing, which reports a burst makes, whom they go to. No Dagster.
"""

import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.partitions import Partitions, keys, window
from batch_pipelines.core.declaring.yaml_files import refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.settings import Settings
from batch_pipelines.lake.delta import table_path, version
from batch_pipelines.orchestration.readiness import missing_of
from batch_pipelines.orchestration.report_records import Report
from batch_pipelines.orchestration.report_tables import tables_waited_for
from batch_pipelines.presentation.formats import check_locale
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.delivering import Delivering, not_allowed, unknown_relays
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.model import Gathered, Manifest, ReportRequest, from_json
from batch_pipelines.reporting.pipeline import Reporting
from batch_pipelines.reporting.process import DOCUMENT


@dataclass(frozen=True, slots=True)
class Asked:
    """One report to be made.

    Attributes:
        request: Which.
        address: Whom the burst sends it to, if it does.
    """

    request: ReportRequest
    address: str | None = None


class ReportDesk:
    """Reports of one deployment, with the datasets they read and the ledger of their deliveries.

    Args:
        settings: Where everything is.
        environ: Relays and allowed recipients.
        clock: Time.
    """

    def __init__(
        self, settings: Settings, *, environ: Mapping[str, str] | None = None, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self._environ = os.environ if environ is None else environ
        self._clock = clock or SystemClock()

    @cached_property
    def reporting(self) -> Reporting:
        """The reports."""
        return Reporting(self.settings, clock=self._clock)

    @cached_property
    def processing(self) -> Processing:
        """The datasets."""
        return Processing(self.settings, clock=self._clock)

    @property
    def ledger(self) -> Ledger:
        """Where deliveries are recorded."""
        return self.processing.ledger

    @cached_property
    def delivering(self) -> Delivering:
        """What brings reports to people."""
        return Delivering(self.settings, self.ledger, self._environ, self._clock, random.Random())  # noqa: S311  jitter

    def entry(self, report: str) -> Entry:
        """Return a declared report.

        Raises:
            ConfigError: There is none of that name.
        """
        return self.reporting.catalog.entry(report)

    def tables(self, report: str) -> dict[str, Partitions | None]:
        """Return the datasets that a report waits for, with their partitions where those are by time."""
        return tables_waited_for(self.entry(report), self.processing.catalog)

    def missing(self, report: str, partition: str | None, *, current: bool = False) -> list[str]:
        """Return a line for each table that lacks what a report of that partition needs.

        Args:
            report: The report.
            partition: Its window; None for all time.
            current: Also ask whether files have changed since, which reads them.
        """
        windows = self.entry(report).declaration.partitions
        asked = window(windows, partition) if windows and partition else None
        return missing_of(self.processing, list(self.tables(report)), asked, current=current)

    def check_tables(self, report: str) -> None:
        """Make sure that every table of a report is there: an empty report would be a lie.

        Raises:
            ConfigError: One has never been processed; the command that cures it is named.
        """
        data = self.settings.data
        if lacking := [name for name in self.tables(report) if version(table_path(data, name)) is None]:
            what = f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} not been processed"
            raise ConfigError(f"{report}: {what}; run: {self.cure(report)}")

    def lacking(self, report: str, partition: str | None, *, whole: bool) -> list[str]:
        """Return what a window lacks, see `missing`.

        Raises:
            ConfigError: It lacks something and is to be whole; the command that cures it is named.
        """
        found = self.missing(report, partition)
        if whole and found:
            raise ConfigError(f"{'; '.join(found)}; run: {self.cure(report)}")
        return found

    def cure(self, report: str) -> str:
        """Return the command that fills the tables of a report; those they refer to are filled with them."""
        datasets = self.processing.catalog.entries
        names = self.tables(report)
        refer = {other for name in names for other, _ in datasets[name].declaration.references}
        return " && ".join(f"bp process {name}" for name in names if name not in refer)

    def gather(self, asked: Asked) -> Gathered:
        """Run the queries of one report.

        Raises:
            ConfigError: A query does not work, or the report is empty and may not be.
        """
        gathered = self.reporting.gather(asked.request)
        if gathered.state == "empty" and self.entry(asked.request.name).declaration.on_empty == "fail":
            raise ConfigError("it is empty, and on_empty is fail")
        return gathered

    def generate(self, gathered: Gathered) -> Manifest:
        """Make the files of a document that another step left beside the rows."""
        file = self.settings.data / gathered.folder / DOCUMENT
        if file.is_file():
            document = from_json(Document, json.loads(file.read_text(encoding="utf-8")))
        else:
            document = self.reporting.process(gathered)
        return self.reporting.generate(document, gathered)

    def make(self, report: str, partition: str | None, *, preview: bool = False, **options: Any) -> list[Report]:
        """Make the reports of one partition in this process, from rows to files.

        Args:
            report: The report.
            partition: Its window.
            preview: Put the files below `data/reports/.preview`, in place of what the last preview left there.
            options: See `asked`.

        Raises:
            ConfigError: A table or a partition of it is missing, or the report does not work.
        """
        self.check_tables(report)
        missing = self.lacking(report, partition, whole=True)
        made: list[Report] = []
        if preview:
            self.reporting.clear_previews(report)
        for asked in self.asked(report, partition, **options):
            gathered = self.gather(asked)
            manifest = self.reporting.generate(self.reporting.process(gathered), gathered, preview=preview)
            made.append(Report(gathered, manifest, missing, asked.address))
        return made

    def newest(self, report: str) -> str | None:
        """Return the newest window that has ended and whose tables are there; None for a report without windows.

        Raises:
            ConfigError: There is none; the command that cures it is named.
        """
        self.check_tables(report)
        windows = self.entry(report).declaration.partitions
        if windows is None:
            return None
        ended = keys(windows, self._clock.now())
        for key in reversed(ended):
            if not self.missing(report, key):
                return key
        lacking = self.missing(report, ended[-1]) if ended else [f"its first window, {windows.start}, has not ended"]
        raise ConfigError(f"no window of {report} can be made: {'; '.join(lacking)}; run: {self.cure(report)}")

    def lint(self, report: str) -> list[str]:
        """Return everything that can be known to fail before a run, as `file:line: key: what`."""
        entry = self.entry(report)
        problems: list[str] = []
        try:
            self.tables(report)
        except ConfigError as error:
            problems += str(error).splitlines()
        found = [*not_allowed(entry, self._environ), *unknown_relays(entry, self._environ, self.settings.data)]
        if found:
            placed = [((*ATTRIBUTES, *path), f"{'.'.join(map(str, path))}: {why}") for path, why in found]
            problems += str(refusal(entry.document, placed)).splitlines()
        return [*problems, *(line for line in self.reporting.lint(report) if line not in problems)]

    def asked(
        self,
        report: str,
        partition: str | None = None,
        *,
        filters: Mapping[str, Any] | None = None,
        formats: Sequence[str] | None = None,
        locale: str | None = None,
        burst: bool = True,
    ) -> list[Asked]:
        """Return the reports to make: one, or one for each row of the burst where no filter chooses among them.

        Args:
            report: The report.
            partition: Its window.
            filters: Values by name.
            formats: Instead of those declared.
            locale: Instead of the one declared.
            burst: Whether a burst is one at all; else it is one report for all.

        Raises:
            ConfigError: No such partition, or the burst's SQL does not work.
        """
        chosen = dict(filters or {})
        if locale is not None:
            try:
                locale = check_locale(locale)
            except ValueError as error:
                raise ConfigError(f"locale: {error}") from error
        single = ReportRequest(report, partition, chosen, tuple(formats) if formats else None, locale)
        fan = self.entry(report).declaration.burst
        if fan is None or not burst or set(fan.filters) & set(chosen):
            return [Asked(single)]
        return [Asked(each.request, each.email) for each in self.reporting.burst(single)]

    def close(self) -> None:
        """Close the ledger, if it was opened."""
        if "processing" in self.__dict__:
            self.processing.close()
