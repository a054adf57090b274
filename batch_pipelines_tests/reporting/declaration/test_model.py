"""What the YAML of a report may say; what it may not, with line, key and the nearest allowed."""

from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.reporting.declaration.catalog import load_catalog
from batch_pipelines.reporting.declaration.model import ReportDeclaration

SMALLEST = "title: T\nqueries: {q: select 1 as a}\ncontent: [{table: {title: T, data: q}}]\n"


def declared(folder: Path, attributes: str, name: str = "sales") -> ReportDeclaration:
    place = folder / "defs" / name
    place.mkdir(parents=True, exist_ok=True)
    indented = "".join(f"  {line}\n" for line in attributes.splitlines())
    (place / "defs.yaml").write_text(f"type: batch_pipelines.components.Report\nattributes:\n{indented}")
    return load_catalog(folder / "defs").entry(name).declaration


def refused(folder: Path, attributes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        declared(folder, attributes)
    return str(caught.value)


def test_the_smallest_report_has_defaults_for_all_else(tmp_path: Path) -> None:
    made = declared(tmp_path, SMALLEST)
    assert (made.name, made.formats, made.locale, made.zone, made.on_empty) == (
        "sales",
        ["pdf"],
        "en_US",
        "UTC",
        "send",
    )
    assert (made.emptiness, made.partitions, made.attempts, made.page.size) == ("q", None, 3, "a4")


def test_short_forms_mean_the_same_as_long_ones(tmp_path: Path) -> None:
    made = declared(
        tmp_path,
        SMALLEST + "partitions: {every: day, start: 2024-01-01, timezone: Europe/Berlin}\n"
        "schedule: 0 6 * * *\nformats: pdf\nowners: a@example.com\nchecks: [select true]\n"
        "deliver: [{folder: out}, {email: {to: b@example.com}}, {webhook: https://example.com/hook}]\n",
    )
    assert made.schedule is not None
    assert (made.schedule.cron, made.zone, made.formats) == ("0 6 * * *", "Europe/Berlin", ["pdf"])
    assert [each.channel for each in made.deliver] == ["folder", "email", "webhook"]
    assert (made.checks[0].severity, made.owners) == ("error", ["a@example.com"])


@pytest.mark.parametrize(
    ("added", "line", "words"),
    [
        ("fromats: [pdf]", 6, "unknown key 'fromats'; did you mean 'formats'?"),
        ("formats: [docx]", 6, "'docx' is not allowed; write 'pdf', 'xlsx', 'html', 'csv', 'parquet' or 'json'"),
        ("locale: xx_YY", 6, "'xx_YY' is not a locale"),
        ("timezone: Europe/Atlantis", 6, "'Europe/Atlantis' is not a time zone"),
        ("schedule: every day", 6, "is not a cron schedule"),
        ("data_sheets: [p]", 6, "there is no query 'p'; declared: q"),
        ("empty_if: qq", 6, "there is no query 'qq'; did you mean 'q'?"),
        ("filters: {start: {type: string}}", 6, "$start is the window's; give the filter another name"),
        ("filters: {n: {type: int, default: many}}", 6, "'many' is not a int"),
        ("filters: {n: {type: string, enum: [a], default: b}}", 6, "'b' is not allowed; write a"),
        ("burst: {query: select 1, key: a, filters: {n: a}}", 6, "there is no filter 'n'; declared: none"),
        ("deliver: [{email: {to: nobody}}]", 6, "'nobody' is not an e-mail address"),
        ("deliver: [{webhook: 'file:///etc/passwd'}]", 6, "'file:///etc/passwd' is no address to POST to"),
        ("deliver: [{folder: ''}]", 6, "deliver[0].folder"),
        ("deliver: [{folder: a, webhook: 'https://example.com'}]", 6, "a delivery is one of folder, email, webhook"),
        ("brand: ../other/brand.yml", 6, "is not the name of a file beside the YAML"),
        ("brand: gone.yml", 6, "brand: there is no gone.yml beside the YAML"),
        ("name: Sales-Report", 6, "is not a name"),
        ("owners: [somebody]", 6, "is neither an e-mail address nor team:name"),
        ("max_age: soon", 6, "is not a duration"),
        ("page: {size: a3}", 6, "'a3' is not allowed; write 'a4' or 'letter'"),
    ],
)  # fmt: skip
def test_keys_and_values_that_cannot_work_name_line_and_cure(tmp_path: Path, added: str, line: int, words: str) -> None:
    said = refused(tmp_path, SMALLEST + added + "\n")
    assert words in said
    assert f"defs.yaml:{line}: " in said


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("{kpis: [{label: A, value: q}]}", "'q' is not query.column, for example totals.flights"),
        ("{kpis: [{label: A, value: p.a}]}", "there is no query 'p'"),
        ("{kpis: [{label: A, value: q.a, compare: previous}]}", "a previous window needs partitions"),
        ("{kpis: [{label: A, value: q.a, format: money}]}", "'money' is not a format"),
        ("{chart: {title: T, data: q, type: pie, x: a, y: a}}", "'pie' is not allowed"),
        ("{chart: {title: T, data: q, type: bar, x: a}}", "key 'y' is missing"),
        ("{table: {title: T, data: q}, text: both}", "a block is one of heading, kpis, chart, table, text"),
        ("{}", "this is none"),
        ("{table: {title: T, data: q, columns: {a: {align: middle}}}}", "'middle' is not allowed"),
        ("{table: {title: T, data: q, pdf_rows: 0}}", "at least 1"),
    ],
)  # fmt: skip
def test_blocks_that_cannot_work_are_refused(tmp_path: Path, block: str, words: str) -> None:
    assert words in refused(tmp_path, f"title: T\nqueries: {{q: select 1 as a}}\ncontent: [{block}]\n")


def test_problems_of_all_reports_are_listed(tmp_path: Path) -> None:
    declared(tmp_path, SMALLEST, "a")
    for name in ("b", "c"):
        with pytest.raises(ConfigError):
            declared(tmp_path, SMALLEST + "nonsense: 1\n", name)
    with pytest.raises(ConfigError) as caught:
        load_catalog(tmp_path / "defs")
    assert [line.rpartition("/defs.yaml")[0][-1] for line in str(caught.value).splitlines()] == ["b", "c"]


def test_two_reports_of_one_name_are_refused(tmp_path: Path) -> None:
    declared(tmp_path, SMALLEST, "a")
    with pytest.raises(ConfigError, match="report 'a' is declared already in"):
        declared(tmp_path, SMALLEST + "name: a\n", "b")


def test_only_keys_that_change_the_files_change_the_version(tmp_path: Path) -> None:
    def version(attributes: str) -> str:
        declared(tmp_path, attributes)
        return load_catalog(tmp_path / "defs").entry("sales").version

    first = version(SMALLEST)
    assert version(SMALLEST + "owners: a@example.com\nattempts: 5\n") == first
    assert version(SMALLEST.replace("title: T\nq", "title: U\nq")) != first
