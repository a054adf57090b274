"""The PDF: letters stay letters, it is tagged, nothing in a value is markup, the same again is the same bytes."""

import re
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from batch_pipelines.reporting.verify import pdf_text
from batch_pipelines_tests.reporting.shop import REPORT, Shop, one_table


def text_of(shop: Shop, attributes: str, **asked: Any) -> str:
    shop.declare(attributes)
    return pdf_text(shop.file(shop.made(None, formats=("pdf",), **asked), "pdf"))


def pdf_of(shop: Shop, attributes: str) -> Path:
    shop.declare(attributes)
    return shop.file(shop.made(None, formats=("pdf",)), "pdf")


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\ufffe\u00ad]+", "", text)


def elements(file: Path) -> list[tuple[str, str, str]]:
    """Kind, alternative text and attributes of every element of the structure tree."""
    found = []
    with pikepdf.open(file) as pdf:
        waiting: list[Any] = [pdf.Root.StructTreeRoot]
        while waiting:
            node = waiting.pop()
            if isinstance(node, pikepdf.Array):
                waiting += list(node)
            elif isinstance(node, pikepdf.Dictionary):
                if "/S" in node:
                    found.append((str(node.S), str(node.get("/Alt", "")), repr(node.get("/A", ""))))
                if "/K" in node:
                    waiting.append(node.K)
    return found


def test_a_pdf_is_tagged_titled_and_in_a_language(shop: Shop) -> None:
    file = shop.file(shop.made(formats=("pdf",)), "pdf")
    with pikepdf.open(file) as pdf:
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.Root.Lang).lower() == "en-us"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        with pdf.open_metadata() as metadata:
            assert metadata["pdfuaid:part"] == "1"
            assert metadata["dc:title"] == "Orders of Saturday, March 2, 2024"
        with pdf.open_outline() as outline:
            (section,) = outline.root
            assert (section.title, [child.title for child in section.children]) == (
                "Overview", ["Orders by city", "Cities", "Orders"]
            )  # fmt: skip


def test_tables_have_heads_with_scope_and_charts_have_words(shop: Shop) -> None:
    found = elements(shop.file(shop.made(formats=("pdf",)), "pdf"))
    kinds = [kind for kind, _, _ in found]
    heads = [attributes for kind, _, attributes in found if kind == "/TH"]
    assert kinds.count("/Table") == 2
    assert len(heads) == 3 + 5
    assert all("/Scope" in attributes for attributes in heads)
    (words,) = [alt for kind, alt, _ in found if kind == "/Figure"]
    assert words.startswith("Bar chart: Orders by city. 1 values of Orders by City")
    assert {"/H1", "/H2"} <= set(kinds)


def test_figures_and_notices_stand_in_the_text_and_fonts_come_along(shop: Shop) -> None:
    made = shop.made(formats=("pdf",))
    text = squeezed(pdf_text(shop.file(made, "pdf")))
    for words in (
        "€245.00",
        "30.0%",
        "vs March 1, 2024",
        "First 5 of 10 rows",
        "Page 1 of 1",
        "Late means: 30.0% of 10 orders",
    ):
        assert squeezed(words) in text
    assert made.truncated == ["pdf: Orders: First 5 of 10 rows"]
    with pikepdf.open(shop.file(made, "pdf")) as pdf:
        fonts = {
            str(o.BaseFont)[8:] for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/Font"
        }
        files = [o for o in pdf.objects if isinstance(o, pikepdf.Dictionary) and "/FontFile2" in o]
    assert {name.partition("-")[0] for name in fonts} == {"SourceSansPro"}
    assert len(files) >= 2


def test_the_same_again_is_the_same_bytes(shop: Shop) -> None:
    made = shop.made(formats=("pdf",))
    (entry,) = made.files
    (shop.data / made.folder / entry.name).unlink()
    again = shop.made(formats=("pdf",))
    assert (again.existing, again.files) == (False, made.files)


@pytest.mark.parametrize(
    "hostile",
    [
        '#read("/etc/passwd")',
        "*bold* _it_ $x$ = Head",
        '#import "@preview/x:1.0.0"',
        "<label> @ref `code`",
        "\\u{41} #(1+1)",
        "]#pagebreak()[",
    ],
)
def test_values_are_never_markup(shop: Shop, hostile: str) -> None:
    sql_text = hostile.replace("'", "''")
    text = text_of(shop, one_table(f"select '{sql_text}' as value", formats="[pdf]").replace("A report", "T"))
    assert squeezed(hostile) in squeezed(text)


def test_templates_and_titles_are_never_markup(shop: Shop) -> None:
    hostile = '- text: "#panic() *a $b"\n- heading: "= #sys.inputs"\n- table: {title: "#eval(1)", data: rows}'
    text = squeezed(text_of(shop, one_table("select 1 as a", hostile)))
    assert "#panic()*a$b" in text
    assert "=#sys.inputs" in text
    assert "#eval(1)" in text


def test_long_words_huge_and_negative_numbers_stay_on_the_page(shop: Shop) -> None:
    sql = f"select '{'W' * 200}' as word, -123456789012345.678 as number, 1e300 as huge, null as nothing"
    shop.declare(one_table(sql))
    file = shop.file(shop.made(None, formats=("pdf",)), "pdf")
    text = squeezed(pdf_text(file))
    assert "W" * 200 in text
    assert "−123,456,789,012,345.68" in text
    assert "1E300" in text
    assert edges(file) == []


def edges(file: Path) -> list[str]:
    """Letters outside the margins of their page."""
    import pypdfium2 as pdfium  # noqa: PLC0415

    outside = []
    opened = pdfium.PdfDocument(file)
    for page in opened:
        letters = page.get_textpage()
        for at in range(letters.count_chars()):
            left, _, right, _ = letters.get_charbox(at)
            if left < 30 or right > page.get_width() - 30:
                outside.append(letters.get_text_range(at, 1))
    opened.close()
    return outside


def test_wide_tables_get_landscape_pages_and_what_does_not_fit_is_said(shop: Shop) -> None:
    wide = ", ".join(f"'some words {n}' as column_number_{n}" for n in range(14))
    file = pdf_of(shop, one_table(f"select {wide}"))
    with pikepdf.open(file) as pdf:
        boxes = [[float(edge) for edge in page.mediabox] for page in pdf.pages]
    assert any(box[2] > box[3] for box in boxes)
    assert edges(file) == []
    wider = ", ".join(f"'some words {n}' as column_number_{n}" for n in range(50))
    shop.declare(one_table(f"select {wider}"))
    (notice,) = shop.made(None, formats=("pdf",)).truncated
    assert re.fullmatch(r"pdf: Rows: \d+ of 50 columns", notice)


def test_a_letter_that_the_font_lacks_is_a_warning_never_silent(shop: Shop) -> None:
    shop.declare(one_table("select '北京' as city"))
    made = shop.made(None, formats=("pdf",))
    (warning,) = made.warnings
    assert "Source Sans Pro has no" in warning
    assert "北" in warning
    (letters,) = [each for each in shop.reporting.verify(made) if each.name == "letters"]
    assert (letters.passed, letters.severity) == (False, "warn")


def test_scripts_from_right_to_left_are_set(shop: Shop) -> None:
    shop.declare(one_table("select 'שלום' as hello") + "locale: he_IL\n")
    made = shop.made(None, formats=("pdf",))
    assert (made.warnings, "שלום" in pdf_text(shop.file(made, "pdf"))) == ([], True)


def test_long_reports_have_contents_and_repeat_the_heads_of_tables(shop: Shop) -> None:
    rows = one_table(
        "select range as number, 'word' as word from range(400)",
        "- heading: Start\n- table: {title: Rows, data: rows, pdf_rows: 400}",
    )
    file = pdf_of(shop, rows)
    text = pdf_text(file)
    assert "Contents" in text
    with pikepdf.open(file) as pdf:
        pages = len(pdf.pages)
    assert pages > 5
    assert text.count("Number") >= pages - 1
    assert "Contents" not in pdf_text(pdf_of(shop, rows.replace("range(400)", "range(9)")))


def test_a_german_report_is_german_throughout(shop: Shop) -> None:
    shop.declare(REPORT)
    file = shop.file(shop.made(formats=("pdf",), locale="de_DE"), "pdf")
    text = squeezed(pdf_text(file))
    for words in ("245,00€", "30,0%", "Seite1von1", "Dieersten5von10Zeilen", "Summe", "2.März2024"):
        assert words in text
    with pikepdf.open(file) as pdf:
        assert str(pdf.Root.Lang).lower() == "de-de"
