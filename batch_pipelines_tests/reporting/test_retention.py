"""Old makings of a report go; the newest stay, and those that are on record."""

import datetime as dt
import os
from pathlib import Path

from batch_pipelines.reporting.gather import WORK
from batch_pipelines_tests.reporting.shop import NOW, Shop

DAY = dt.timedelta(days=1)


def making(shop: Shop, place: str, days_old: float) -> Path:
    """A folder as `generate` leaves it, so many days old."""
    folder = shop.data / "reports" / place
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "report.pdf").write_bytes(b"%PDF")
    aged(folder, days_old)
    return folder


def aged(folder: Path, days_old: float) -> None:
    at = (NOW - days_old * DAY).timestamp()
    os.utime(folder, (at, at))


def test_the_newest_makings_of_a_window_stay(shop: Shop) -> None:
    made = [making(shop, f"daily/2024-03-01/id{age}", age) for age in (5, 4, 3, 2)]
    other = making(shop, "daily/2024-03-02/old", 90)
    assert shop.reporting.clear((), DAY) == 1
    assert [folder.exists() for folder in made] == [False, True, True, True]
    assert other.exists()


def test_every_key_of_a_burst_has_its_own(shop: Shop) -> None:
    made = [making(shop, f"month/2024-02/{key}/id{age}", age) for key in ("EWR", "JFK") for age in (5, 4, 3, 2)]
    assert shop.reporting.clear((), DAY) == 2
    assert [folder.exists() for folder in made] == [False, True, True, True] * 2


def test_what_is_on_record_or_young_stays(shop: Shop) -> None:
    named = making(shop, "daily/2024-03-01/named", 50)
    young = [making(shop, f"daily/2024-03-01/young{n}", 0.5 + n / 100) for n in range(5)]
    assert shop.reporting.clear({"reports/daily/2024-03-01/named"}, DAY) == 0
    assert all(folder.exists() for folder in (named, *young))


def test_drafts_of_killed_runs_go_and_what_is_no_report_stays(shop: Shop) -> None:
    draft = making(shop, "daily/2024-03-01/.id1-abcdef12", 2)
    record = making(shop, ".made/daily", 400)
    working = making(shop, "daily/2024-03-01/.id2-abcdef12", 0.1)
    assert shop.reporting.clear((), DAY) == 1
    assert [folder.exists() for folder in (draft, record, working)] == [False, True, True]


def test_a_report_that_was_just_made_outlives_its_clearing(shop: Shop) -> None:
    made = shop.made(formats=("json",))
    aged(shop.data / made.folder, 30)
    assert shop.reporting.clear((), DAY) == 0
    assert shop.made(formats=("json",)).existing


def test_snapshots_that_nobody_came_back_for_go(shop: Shop) -> None:
    kept, left = shop.gathered("2024-03-02"), shop.gathered("2024-03-03")
    aged(shop.data / left.folder, 2)
    aged(shop.data / kept.folder, 0.1)
    assert shop.reporting.tidy(DAY) == 1
    assert [entry.name for entry in (shop.data / WORK).iterdir()] == [kept.report_id]
    assert shop.reporting.process(kept).partition == "2024-03-02"
