"""Reports and the tables they need behind one name, for ops, sensors and commands: the desk that knows both.

Reporting reads tables and knows no datasets; processing knows datasets and no reports. Here they meet: which tables a
report waits for, what is missing, which reports a burst makes, whom they go to. No Dagster.
"""

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batch_pipelines.core.clock import Clock, SystemClock
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.partitions import Partitions, keys, window
from batch_pipelines.core.settings import Settings
from batch_pipelines.orchestration.readiness import missing_of
from batch_pipelines.orchestration.report_tables import tables_waited_for
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.delivering import Delivering
from batch_pipelines.reporting.model import ReportRequest
from batch_pipelines.reporting.pipeline import Reporting


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

    def newest(self, report: str) -> str | None:
        """Return the newest window that has ended and whose tables are there; None for a report without windows.

        Raises:
            ConfigError: There is none.
        """
        windows = self.entry(report).declaration.partitions
        if windows is None:
            return None
        ended = keys(windows, self._clock.now())
        for key in reversed(ended):
            if not self.missing(report, key):
                return key
        lacking = self.missing(report, ended[-1]) if ended else [f"its first window, {windows.start}, has not ended"]
        raise ConfigError(f"no window of {report} can be made: {'; '.join(lacking)}")

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
        single = ReportRequest(report, partition, chosen, tuple(formats) if formats else None, locale)
        fan = self.entry(report).declaration.burst
        if fan is None or not burst or set(fan.filters) & set(chosen):
            return [Asked(single)]
        return [
            Asked(
                ReportRequest(
                    report,
                    partition,
                    {**chosen, **{name: row[column] for name, column in fan.filters.items()}},
                    single.formats,
                    locale,
                    str(row[fan.key]),
                ),
                str(row[fan.email]) if fan.email and row[fan.email] else None,
            )
            for row in self.reporting.burst_rows(single)
        ]

    def close(self) -> None:
        """Close the ledger, if it was opened."""
        if "processing" in self.__dict__:
            self.processing.close()
