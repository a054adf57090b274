"""Makes the pictures in docs/reports/ anew: `python -m batch_pipelines_tests.ui.report_pictures`, from the root.

The shipped reports, of the repository's own samples, as PDF, in a browser, and in a spreadsheet (needs Chromium and
LibreOffice). What must not live here: judging them (test_report_pages.py, and people).
"""

import io
import subprocess
import tempfile
from pathlib import Path

import pypdfium2 as pdfium
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from batch_pipelines.core.settings import load_settings
from batch_pipelines.orchestration.report_desk import ReportDesk
from batch_pipelines_tests.system.small_project import PROGRAMS, ROOT, environment
from batch_pipelines_tests.ui.conftest import ARGUMENTS, chromium

DOCS = ROOT / "docs" / "reports"
DAY, WEEK, MONTH = "2013-01-15", "2013-01-14", "2013-01"
PAPER_PIXELS, SHEET_PIXELS = 620, 660
GAP = 16
GREY = (128, 136, 144)


def main() -> None:
    """Process January, make its reports, look at them."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"BP_HOME": str(ROOT), "BP_DATA": str(Path(folder) / "data")}
        process = [str(PROGRAMS / "bp"), "process", "flights", MONTH]
        subprocess.run(process, env=environment(**places), check=True, capture_output=True)
        files = made(ReportDesk(load_settings(places, ROOT)))
        paper(files)
        workbooks(files, Path(folder))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=ARGUMENTS)
            pages(browser, files)
            browser.close()


def made(desk: ReportDesk) -> dict[str, Path]:
    """The reports' files, by name."""
    formats = ["pdf", "xlsx", "html"]
    manifests = [
        desk.make("daily_operations", DAY, formats=formats)[0].manifest,
        desk.make("carrier_punctuality", WEEK, formats=formats)[0].manifest,
        desk.make("airport_month", MONTH, formats=formats, filters={"origin": "EWR"})[0].manifest,
    ]
    desk.close()
    return {file.name: desk.settings.data / each.folder / file.name for each in manifests for file in each.files}


def paper(files: dict[str, Path]) -> None:
    """Pages of PDFs."""
    daily, weekly, monthly = (sheets(files[f"{name}.pdf"]) for name in ("daily_operations", *_OTHERS))
    keep("pdf", beside(daily[:2]))
    keep("pdf-more", beside([weekly[1], monthly[0]]))
    keep("pdf-rest", beside([weekly[0], monthly[1]]))


_OTHERS = ("carrier_punctuality", "airport_month")


def workbooks(files: dict[str, Path], folder: Path) -> None:
    """Sheets, as LibreOffice prints them."""
    names = ("daily_operations", *_OTHERS)
    printed = [sheets(in_libreoffice(files[f"{name}.xlsx"], folder), SHEET_PIXELS) for name in names]
    daily, weekly, monthly = printed
    keep("xlsx", trimmed(daily[0]))
    keep("xlsx-more", beside([trimmed(weekly[0]), trimmed(monthly[0])]))
    keep("xlsx-sheets", beside([trimmed(daily[2]), trimmed(daily[3]), trimmed(daily[4])]))


def in_libreoffice(book: Path, folder: Path) -> Path:
    """A workbook as PDF."""
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder), str(book)]
    subprocess.run(command, check=True, capture_output=True)
    return folder / f"{book.stem}.pdf"


def sheets(file: Path, width: int = PAPER_PIXELS) -> list[Image.Image]:
    """The first pages of a PDF."""
    opened = pdfium.PdfDocument(file)
    try:
        pages = [opened[at] for at in range(min(len(opened), 6))]
        return [page.render(scale=width / page.get_width()).to_pil().convert("RGB") for page in pages]
    finally:
        opened.close()


def pages(browser: Browser, files: dict[str, Path]) -> None:
    """Pages in a browser: as far as one looks, and the cards that tables are on a phone."""
    monthly, daily = files["airport_month.html"], files["daily_operations.html"]
    keep("page", screen(browser, monthly, 1280, "light", 1500))
    keep("dark", screen(browser, monthly, 1280, "dark", 1500))
    keep("phone", screen(browser, daily, 390, "light", 1500))
    keep("phone-dark", screen(browser, monthly, 390, "dark", 1500))
    tables = [screen(browser, daily, 390, scheme, 1500, begins="h2 >> nth=1") for scheme in ("light", "dark")]
    keep("phone-tables", beside(tables))


def screen(
    browser: Browser, file: Path, width: int, scheme: str, height: int, begins: str | None = None
) -> Image.Image:
    """The upper part of a page, or what begins somewhere further down."""
    page = browser.new_page(viewport={"width": width, "height": 10 * height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(file.as_uri())
    box = page.locator(begins).bounding_box() if begins else None
    top = max(box["y"] - GAP, 0) if box else 0
    picture = page.screenshot(clip={"x": 0, "y": top, "width": width, "height": height})
    page.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


def beside(pictures: list[Image.Image]) -> Image.Image:
    """Pictures side by side."""
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    whole = Image.new("RGB", (width, max(picture.height for picture in pictures)), GREY)
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + GAP
    return whole


def trimmed(picture: Image.Image) -> Image.Image:
    """A page without what is empty below, its footer aside."""
    body = picture.crop((0, 0, picture.width, round(picture.height * 0.94)))
    box = body.convert("L").point(lambda value: 255 if value < 250 else 0).getbbox()
    return body.crop((0, 0, body.width, min(body.height, (box[3] if box else 0) + 2 * GAP)))


def keep(name: str, picture: Image.Image) -> None:
    """Keep a picture, in all of its colours: a heat map needs them."""
    picture.save(DOCS / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
