"""Processing: the gathered rows → one document, in the reader's language. Pure but for files in the work folder.

What must not live here: SQL (gather.py), how any format looks (render/).
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from batch_pipelines.core.declaring import windows
from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.yaml_files import refusal
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.presentation.formats import Formats, is_nothing, read_format
from batch_pipelines.presentation.templating import environment, render
from batch_pipelines.presentation.words import words
from batch_pipelines.reporting.charting import Charting
from batch_pipelines.reporting.declaration.catalog import Entry
from batch_pipelines.reporting.declaration.content import Content, Kpi
from batch_pipelines.reporting.declaration.filters import label_of, parameters
from batch_pipelines.reporting.declaration.model import ReportDeclaration
from batch_pipelines.reporting.document import (
    Block,
    Document,
    HeadingBlock,
    KpiBlock,
    PageSetup,
    Sheet,
    TextBlock,
    Verdict,
)
from batch_pipelines.reporting.gather import PREVIOUS
from batch_pipelines.reporting.model import Gathered, KpiValue, as_json
from batch_pipelines.reporting.snapshot import first_row
from batch_pipelines.reporting.tabling import table_block
from batch_pipelines.reporting.text import paragraphs

DOCUMENT = "document.json"
LONGEST_TITLE = 200
NO_DATE = "2000-01-01T00:00:00+00:00"


def process(entry: Entry, gathered: Gathered, data: Path) -> Document:
    """Make the document of what was gathered.

    Raises:
        ConfigError: A template or a column of a block does not fit what was gathered; file, line and key are told.
    """
    writer = _Writer(entry, gathered, data / gathered.folder)
    declaration, formats, words_ = entry.declaration, writer.formats, writer.words
    as_of = dt.datetime.fromisoformat(gathered.as_of) if gathered.as_of else None
    document = Document(
        report_id=gathered.report_id,
        name=declaration.name,
        partition=gathered.request.partition,
        title=_one_line(writer.filled(declaration.title, "title")),
        subtitle=_one_line(writer.filled(declaration.subtitle, "subtitle")) if declaration.subtitle else None,
        period=period_text(declaration, gathered.start, formats),
        filters=[
            (label_of(name, declared), _filter_text(gathered.request.filters.get(name), formats))
            for name, declared in declaration.filters.items()
        ],
        locale=formats.locale,
        timezone=formats.timezone,
        as_of=words_["as_of"].format(moment=_moment(as_of, formats)) if as_of else "",
        as_of_at=gathered.as_of or NO_DATE,
        state=gathered.state,
        blocks=writer.blocks(),
        sheets=[Sheet(name, f"{name}.parquet", gathered.rows[name]) for name in declaration.data_sheets],
        versions=gathered.versions,
        page=PageSetup(**declaration.page.model_dump()),
        escape_formulas=declaration.escape_formulas,
        has_workbook="xlsx" in (gathered.request.formats or ()),
    )
    text = json.dumps(as_json(document), indent=1, ensure_ascii=False)
    (data / gathered.folder / DOCUMENT).write_text(text, encoding="utf-8")
    return document


def period_text(declaration: ReportDeclaration, start: str | None, formats: Formats) -> str | None:
    """A window in words; None without partitions."""
    if declaration.partitions is None or start is None:
        return None
    every, begins = declaration.partitions.every, dt.datetime.fromisoformat(start)
    if every == "hour":
        return formats.datetime(begins)
    if every == "month":
        return formats.date(begins.date(), "LLLL y")
    last = windows.after(begins, every) - dt.timedelta(days=1)
    return formats.span(begins.date(), last.date())


@dataclass
class _Writer:
    """Makes the blocks of one report."""

    entry: Entry
    gathered: Gathered
    work: Path

    @cached_property
    def formats(self) -> Formats:
        return Formats(self.gathered.request.locale or "en_US", self.entry.declaration.zone)

    @cached_property
    def words(self) -> dict[str, str]:
        return words(self.formats.locale)

    @cached_property
    def charting(self) -> Charting:
        turned = self.entry.declaration.page.orientation == "landscape"
        made = self.gathered.request.formats or ()
        return Charting(self.work, self.entry.brand.theme, self.formats, made, turned)

    @cached_property
    def variables(self) -> dict[str, Any]:
        """What templates may name: the window, the filters, the first row of every query that was kept."""
        gathered, declaration = self.gathered, self.entry.declaration
        start = dt.datetime.fromisoformat(gathered.start) if gathered.start else None
        end = dt.datetime.fromisoformat(gathered.end) if gathered.end else None
        given = {
            "start": start, "end": end, "last": end - dt.timedelta(microseconds=1) if end else None,
            "partition": gathered.request.partition, "name": declaration.name, "key": gathered.request.key,
            "filters": parameters(declaration.filters, gathered.request.filters),
        }  # fmt: skip
        return {**{name: first_row(self.work / f"{name}.parquet") for name in gathered.rows}, **given}

    @cached_property
    def earlier(self) -> dict[str, Mapping[str, Any]]:
        """The first rows of the window before, by query."""
        return {file.stem: first_row(file) for file in (self.work / PREVIOUS).glob("*.parquet")}

    @cached_property
    def against(self) -> str:
        """The window before in words, or that there is none."""
        declaration, previous = self.entry.declaration, self.gathered.previous
        if previous is None or declaration.partitions is None:
            return self.words["no_previous"]
        start = windows.read_key(previous, declaration.partitions.every).isoformat()
        return self.words["previous"].format(period=period_text(declaration, start, self.formats))

    def filled(self, template: str, *keys: str | int) -> str:
        try:
            return render(environment(self.formats), template, self.variables)
        except ConfigError as error:
            raise self._refused(keys, error.message) from error

    def blocks(self) -> list[Block]:
        made: list[Block] = []
        if self.gathered.state == "empty":
            made.append(TextBlock(paragraphs(self.words["no_data"])))
        for at, content in enumerate(self.entry.declaration.content):
            try:
                made.append(self._block(at, content))
            except ConfigError as error:
                raise error if error.file else self._refused(("content", at, content.kind), error.message) from error
        return made

    def _block(self, at: int, content: Content) -> Block:
        if content.heading is not None:
            return HeadingBlock(_one_line(self.filled(content.heading, "content", at, "heading")))
        if content.kpis is not None:
            return self._kpis(content.kpis)
        if content.chart is not None:
            return self.charting.block(content.chart, at + 1)
        if content.table is not None:
            return table_block(content.table, self.work, at + 1, self.against)
        return TextBlock(paragraphs(self.filled(content.text or "", "content", at, "text")))

    def _kpis(self, kpis: list[Kpi]) -> KpiBlock:
        pairs = [self._kpi(kpi) for kpi in kpis]
        compared = any(kpi.compare for kpi in kpis)
        return KpiBlock(
            items=[item for item, _ in pairs],
            formats=[kpi.format for kpi in kpis],
            verdicts=[verdict for _, verdict in pairs],
            against=self.against if compared else None,
        )

    def _kpi(self, kpi: Kpi) -> tuple[KpiValue, Verdict]:
        value = self._cell(self.variables[kpi.query], kpi)
        form = read_format(kpi.format) if kpi.format else None
        unit = f"\N{NO-BREAK SPACE}{kpi.unit}" if kpi.unit and not is_nothing(value) else ""
        text = self.formats.show(value, form) + unit
        if kpi.compare is None or self.gathered.previous is None:
            return KpiValue(kpi.label, _json(value), text), "neutral"
        before = self._cell(self.earlier.get(kpi.query), kpi)
        change = self.formats.change(value, before, form)
        return KpiValue(kpi.label, _json(value), text, change), _verdict(value, before, kpi.good)

    def _cell(self, row: Mapping[str, Any] | None, kpi: Kpi) -> Any:
        if not row:
            return None
        if kpi.column not in row:
            raise ConfigError(f"{kpi.value}: query {kpi.query!r} has no column {kpi.column!r}; it has {', '.join(row)}")
        return row[kpi.column]

    def _refused(self, keys: tuple[str | int, ...], message: str) -> ConfigError:
        where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
        return refusal(self.entry.document, [((*ATTRIBUTES, *keys), f"{where}: {message}")])


def _json(value: Any) -> float | int | str | None:
    if is_nothing(value):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def _verdict(value: Any, before: Any, good: str | None) -> Verdict:
    if good is None or is_nothing(value) or is_nothing(before) or value == before:
        return "neutral"
    return "good" if (value > before) == (good == "up") else "bad"


def _filter_text(value: Any, formats: Formats) -> str:
    if value is None or value == []:
        return words(formats.locale)["all"]
    return ", ".join(map(str, value)) if isinstance(value, list) else formats.show(value)


def _moment(moment: dt.datetime, formats: Formats) -> str:
    local = moment.astimezone(windows.zone(formats.timezone))
    return f"{formats.date(local)}, {formats.time(local)} {local.tzname()}"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1]}…"
