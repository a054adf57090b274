"""What must hold of a report before it goes out: its files, its figures, its rows, its tables, what its YAML asks.

Plain findings; Dagster shows them as asset checks, `bp report run` as lines. What must not live here: how a file is
looked at (reporting/verify.py).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.orchestration.report_records import Report
from batch_pipelines.reporting.declaration.catalog import Entry

TABLES_COMPLETE, ROWS = "tables_complete", "rows"
ABOUT = {
    "files": "Every file that was promised is there and is what was written.",
    "opens": "Every file opens in the program that reads it.",
    "kpis_in_pdf": "Every figure stands in the text of the PDF.",
    ROWS: "Data files have exactly the rows that the queries gave.",
    "letters": "The fonts have every letter of it.",
    TABLES_COMPLETE: "Every partition of its tables that a window needs was there when its rows were gathered.",
}
WARNINGS = ("letters",)
Problems = list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to.

    Attributes:
        check: Its name.
        wrong: A row for each thing that is not as it should be: the report and the problem.
        said: The verdict in one line, if all is well.
        blocking: Whether what is wrong keeps the report from going out.
    """

    check: str
    wrong: Problems
    said: str
    blocking: bool = True

    def __str__(self) -> str:
        """The verdict in one line."""
        if not self.wrong:
            return self.said
        first = f"{self.wrong[0]['report']}: {self.wrong[0]['problem']}"
        return first if len(self.wrong) == 1 else f"{len(self.wrong)} problems; {first}"


@dataclass(frozen=True, slots=True)
class CheckAbout:
    """A check that a report has.

    Attributes:
        name: Its name.
        description: What must hold.
        blocking: See `Finding`.
    """

    name: str
    description: str
    blocking: bool = True


def checks_of(entry: Entry) -> list[CheckAbout]:
    """Return every check of a report, those that its YAML declares last."""
    declaration = entry.declaration
    found = [CheckAbout(name, description, name not in WARNINGS) for name, description in ABOUT.items()]
    for at, check in enumerate(declaration.checks):
        name = check.name or f"check_{at + 1}"
        found.append(CheckAbout(name, f"`{check.sql.strip()}`", check.severity == "error"))
    if declaration.max_age is not None:
        found.append(CheckAbout("max_age", "Its tables are not older than max_age."))
    return found


def check_reports(reports: Sequence[Report], data: Path) -> list[Finding]:
    """Check reports of one declaration, all together.

    Args:
        reports: Of one partition or many.
        data: The data folder.
    """
    from batch_pipelines.reporting.verify import verify  # noqa: PLC0415  loads readers of PDF and Parquet

    counted = f"{len(reports)} reports" if len(reports) != 1 else "one report"
    verdicts = {id(report): {each.name: each for each in verify(report.manifest, data)} for report in reports}

    def said(report: Report, check: str) -> list[str]:
        verdict = verdicts[id(report)].get(check)
        if verdict is None:
            return ["was not looked at, for a file is missing or changed"]
        return [] if verdict.passed else [verdict.message]

    found = {
        check: _each(reports, lambda report, check=check: said(report, check))  # type: ignore[misc]
        for check in ABOUT
        if check != TABLES_COMPLETE
    }
    found[ROWS] += _each(reports, _wrong_rows)
    found[TABLES_COMPLETE] = _each(reports, lambda report: report.missing)
    return [
        *(Finding(check, wrong, f"good in {counted}", check not in WARNINGS) for check, wrong in found.items()),
        *_declared(reports),
    ]


def _wrong_rows(report: Report) -> list[str]:
    """Compare what data files hold with what their queries gave; a file is named as its query."""
    given = report.gathered.rows
    return [
        f"{file.name} has {file.rows} rows, the query gave {given[name]}"
        for file in report.manifest.files
        if (name := file.name.partition(".")[0]) in given and file.rows is not None and file.rows != given[name]
    ]


def _each(reports: Sequence[Report], look: Callable[[Report], list[str]]) -> Problems:
    return [
        {"report": "/".join(filter(None, (report.manifest.partition, report.manifest.key))) or "all", "problem": why}
        for report in reports
        for why in look(report)
    ]


def _declared(reports: Sequence[Report]) -> Iterator[Finding]:
    """The checks that the YAML declares: their verdicts are part of what was gathered."""
    names = dict.fromkeys((each.name, each.severity) for report in reports for each in report.gathered.checks)
    for name, severity in names:
        wrong = _each(reports, lambda report, name=name: _failed(report, name))  # type: ignore[misc]
        holds = f"holds for {len(reports) - len(wrong)} of {len(reports)}"
        yield Finding(name, wrong, holds, severity == "error")


def _failed(report: Report, check: str) -> list[str]:
    return [each.message for each in report.gathered.checks if each.name == check and not each.passed]
