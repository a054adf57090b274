"""Reporting as a whole: files appear whole or not at all, the same again is the same, requests as people state them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from batch_pipelines.core.errors import ConfigError
from batch_pipelines.reporting.declaration.brand import Brand
from batch_pipelines.reporting.document import Document
from batch_pipelines.reporting.model import Manifest, as_json, from_json
from batch_pipelines.reporting.render.renderer import Rendered
from batch_pipelines.reporting.verify import preview_png
from batch_pipelines_tests.reporting.shop import REPORT, Shop

MAKE = """
import json, sys
from pathlib import Path
from batch_pipelines.reporting.model import as_json
from batch_pipelines_tests.reporting.shop import Shop
print(json.dumps(as_json(Shop(Path(sys.argv[1])).made())))
"""


class Breaking:
    """Writes half a file, and fails."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        (out / "half.pdf").write_bytes(b"%PDF-1.7 half")
        raise OSError(28, "No space left on device")


class Empty:
    """Writes an empty file."""

    def render(self, document: Document, work: Path, out: Path, brand: Brand) -> list[Rendered]:
        (out / "empty.pdf").touch()
        return [Rendered("empty.pdf")]


def test_all_files_are_there_with_a_manifest_and_every_check_passes(shop: Shop) -> None:
    made = shop.made()
    folder = shop.data / made.folder
    assert made.folder == f"reports/orders_report/2024-03-02/{made.report_id}"
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        [*(each.name for each in made.files), "manifest.json"]
    )
    assert [each.format for each in made.files] == ["pdf", "xlsx", "html", "csv", "parquet", "json"]
    assert {each.name: each.passed for each in shop.reporting.verify(made)} == dict.fromkeys(
        ("files", "opens", "kpis_in_pdf", "rows", "letters"), True
    )
    assert from_json(Manifest, json.loads((folder / "manifest.json").read_text())) == made
    assert not any((shop.data / "reports/.work").iterdir())


def test_the_same_again_is_found_and_said(shop: Shop) -> None:
    first, again = shop.made(), shop.made()
    assert (first.existing, again.existing) == (False, True)
    assert as_json(again) == {**as_json(first), "existing": True}
    assert [each.report_id for each in shop.reporting.manifests("orders_report")] == [first.report_id]


def test_the_same_report_is_the_same_bytes_in_other_processes(shop: Shop, tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "TZ": "UTC" if seed == "1" else "Asia/Tokyo", "LC_ALL": "C"}
        said = subprocess.run(
            [sys.executable, "-c", MAKE, str(tmp_path)], env=environ, capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stderr
        manifest = from_json(Manifest, json.loads(said.stdout))
        assert not manifest.existing
        made.append(manifest)
        for file in (shop.data / manifest.folder).iterdir():
            file.unlink()
    assert made[0] == made[1]


def test_nothing_is_visible_of_a_report_that_failed(shop: Shop) -> None:
    broken = Shop(shop.home, {"pdf": Breaking()})
    with pytest.raises(OSError, match="No space"):
        broken.made(formats=("pdf",))
    assert [file for file in (shop.data / "reports").rglob("*") if ".work" not in str(file) and file.is_file()] == []
    assert list((shop.data / "reports/orders_report/2024-03-02").iterdir()) == []


def test_an_empty_file_is_no_report(shop: Shop) -> None:
    with pytest.raises(Exception, match="the pdf of report 'orders_report' is not there or empty"):
        Shop(shop.home, {"pdf": Empty()}).made(formats=("pdf",))


def test_a_harmed_report_is_found_by_the_checks_and_made_anew(shop: Shop) -> None:
    made = shop.made(formats=("pdf", "csv"))
    shop.file(made, "csv").write_bytes(b"other")
    (check,) = shop.reporting.verify(made)
    assert (check.name, check.passed, check.message) == ("files", False, "missing or changed: day.csv")
    again = shop.made(formats=("pdf", "csv"))
    assert (again.existing, again.files) == (False, made.files)


def test_a_figure_that_is_not_in_the_pdf_fails_the_check(shop: Shop) -> None:
    made = shop.made(formats=("pdf",))
    altered = as_json(made)
    altered["kpis"][1]["text"] = "€999.00"
    (check,) = [each for each in shop.reporting.verify(from_json(Manifest, altered)) if not each.passed]
    assert (check.name, check.message) == ("kpis_in_pdf", "not in the PDF: Revenue")


def test_a_preview_is_a_small_picture_of_the_first_page(shop: Shop) -> None:
    picture = shop.reporting.preview_png(shop.made(formats=("pdf",)))
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert len(picture) <= 20_000
    assert preview_png(shop.made(formats=("csv",)), shop.data) is None


def test_previews_lie_apart_and_do_not_count(shop: Shop) -> None:
    gathered = shop.gathered(formats=("csv",))
    made = shop.reporting.generate(shop.reporting.process(gathered), gathered, preview=True)
    assert made.folder.startswith("reports/.preview/orders_report/2024-03-02/")
    assert shop.reporting.manifests("orders_report") == []


def test_a_request_without_a_period_is_for_the_last_window_that_has_ended(shop: Shop) -> None:
    assert shop.reporting.request("orders_report").partition == "2024-03-04"
    asked = shop.reporting.request("orders_report", formats="pdf, csv", period="2024-03-02", locale="de_DE")
    assert (asked.formats, asked.partition, asked.locale) == (("pdf", "csv"), "2024-03-02", "de_DE")
    shop.declare(REPORT.replace("start: 2024-03-01", "start: 2024-03-01, end: 2024-03-02"))
    assert shop.reporting.request("orders_report").partition == "2024-03-02"
    shop.declare(REPORT.replace("start: 2024-03-01", "start: 2025-03-01"))
    with pytest.raises(ConfigError, match="its first window, 2025-03-01, has not ended yet"):
        shop.reporting.request("orders_report")


def test_requests_for_what_there_is_not_are_refused(shop: Shop) -> None:
    with pytest.raises(ConfigError, match="there is no report 'order_report'; did you mean 'orders_report'"):
        shop.reporting.request("order_report")
    with pytest.raises(ConfigError, match="there is no format 'docx'; there are pdf, xlsx"):
        shop.reporting.request("orders_report", formats="docx")


def test_tables_that_a_report_reads_are_known_from_its_sql(shop: Shop) -> None:
    assert shop.reporting.tables("orders_report") == ["orders"]
    shop.declare(REPORT.replace("from orders where", "from orders join shops using (shop) where"))
    assert shop.reporting.tables("orders_report") == ["orders", "shops"]


def test_empty_reports_have_a_state_and_still_open(shop: Shop) -> None:
    made = shop.made("2024-03-04")
    assert made.state == "empty"
    assert all(each.passed for each in shop.reporting.verify(made))
