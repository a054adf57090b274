"""From a made report to what goes out: words, links, signatures, recipients, senders."""

import hashlib
import hmac
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from batch_pipelines.core.clock import FakeClock
from batch_pipelines.core.declaring.yaml_files import read_documents
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines.core.settings import load_settings
from batch_pipelines.reporting.declaration.catalog import Entry, read_entry
from batch_pipelines.reporting.delivering import Delivering, Made, link_of, unknown_relays
from batch_pipelines.reporting.model import FileEntry, KpiValue, Manifest
from batch_pipelines_tests.delivery.hooks import hook
from batch_pipelines_tests.ledgers import copied

PDF = b"%PDF-1.7 report"


@pytest.fixture
def ledger(blank_ledger: Path, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(copied(blank_ledger, tmp_path), FakeClock())
    yield opened
    opened.close()


def entry_of(home: Path, *deliver: dict[str, Any], **more: Any) -> Entry:
    """A report that is declared to go there."""
    attributes = {
        "title": "Daily",
        "queries": {"q": "select 1 as n"},
        "content": [{"text": "hello"}],
        "deliver": list(deliver),
        **more,
    }
    file = home / "defs" / "daily" / "defs.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump({"type": "batch_pipelines.components.Report", "attributes": attributes}))
    return read_entry(read_documents(file)[0], file.parent)


def made(home: Path) -> Made:
    """A report that lies in its place."""
    folder = home / "data" / "reports" / "daily" / "2013-01-15" / "abc"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "daily.pdf").write_bytes(PDF)
    (folder / "daily.csv").write_bytes(b"n\n1\n")
    files = [
        FileEntry("pdf", "daily.pdf", len(PDF), hashlib.sha256(PDF).hexdigest(), pages=1),
        FileEntry("csv", "daily.csv", 4, hashlib.sha256(b"n\n1\n").hexdigest(), rows=1),
    ]
    kpis = [KpiValue("Flights", 874, "874", "+2%")]
    where = "reports/daily/2013-01-15/abc"
    return Made(
        Manifest(
            report_id="abc",
            name="daily",
            partition="2013-01-15",
            key=None,
            title="Daily, 15 January",
            state="ready",
            existing=False,
            folder=where,
            files=files,
            kpis=kpis,
            versions=[],
            content_sha256="rows",
        )
    )


def delivering(home: Path, ledger: Ledger, **environ: str) -> Delivering:
    settings = load_settings({"BP_HOME": str(home), "BP_DATA": str(home / "data")}, home)
    return Delivering(settings, ledger, environ, FakeClock(), random.Random(1))


def mails(home: Path) -> str:
    return "\n".join(file.read_text() for file in sorted((home / "data" / "mail").rglob("*.eml")))


def test_a_mail_has_the_declared_words_carries_what_it_shall_and_links_the_rest(tmp_path: Path, ledger: Ledger) -> None:
    mail = {"to": "a@example.com", "subject": "{{ partition }}: {{ figures.Flights }}", "body": "See {{ title }}."}
    entry = entry_of(tmp_path, {"email": {**mail, "from": "Desk <desk@example.org>"}})
    (outcome,) = delivering(tmp_path, ledger, BP_REPORTS_URL="https://r.example.com/x/").deliver(
        entry, [made(tmp_path)]
    )
    assert outcome.failures == []
    text = mails(tmp_path)
    assert "Subject: 2013-01-15: 874" in text
    assert "From: Desk <desk@example.org>" in text
    assert "See Daily, 15 January." in text
    assert 'filename="daily.pdf"' in text
    assert 'filename="daily.csv"' not in text
    assert "daily.csv: https://r.example.com/x/daily/2013-01-15/abc/daily.csv" in text


def test_without_words_of_its_own_a_mail_says_title_and_figures(tmp_path: Path, ledger: Ledger) -> None:
    entry = entry_of(tmp_path, {"email": {"to": "a@example.com"}})
    delivering(tmp_path, ledger).deliver(entry, [made(tmp_path)])
    assert "Subject: Daily, 15 January" in mails(tmp_path)
    assert "Flights: 874 (+2%)" in mails(tmp_path)


def test_folders_get_the_files_and_new_bytes_of_the_same_rows_too(tmp_path: Path, ledger: Ledger) -> None:
    entry = entry_of(tmp_path, {"folder": "out"}, {"email": {"to": "a@example.com"}})
    first = made(tmp_path)
    delivering(tmp_path, ledger).deliver(entry, [first])
    (tmp_path / "data" / first.manifest.folder / "daily.pdf").write_bytes(b"%PDF-1.7 newer")
    newer = replace(first.manifest.files[0], bytes=14, sha256=hashlib.sha256(b"%PDF-1.7 newer").hexdigest())
    again = Made(replace(first.manifest, files=[newer, first.manifest.files[1]]))
    delivering(tmp_path, ledger).deliver(entry, [again])
    assert (tmp_path / "out" / "daily" / "2013-01-15" / "daily.pdf").read_bytes() == b"%PDF-1.7 newer"
    assert mails(tmp_path).count("Subject:") == 1, "the same rows are no news to people"


def test_a_webhook_is_signed_so_that_the_receiver_knows_who_posts(tmp_path: Path, ledger: Ledger) -> None:
    with hook(200) as server:
        entry = entry_of(tmp_path, {"webhook": {"url": server.url, "secret_env": "HOOK_KEY"}})
        (outcome,) = delivering(tmp_path, ledger, HOOK_KEY="secret").deliver(entry, [made(tmp_path)])
        with pytest.raises(ConfigError, match="HOOK_KEY is not set"):
            delivering(tmp_path, ledger).deliver(entry, [made(tmp_path)])
    assert outcome.failures == []
    ((headers, _),) = server.posts
    expected = hmac.new(b"secret", server.bodies[0], "sha256").hexdigest()
    assert headers["X-Bp-Signature"] == f"sha256={expected}"


def test_a_relay_to_people_needs_somebody_who_writes(tmp_path: Path, ledger: Ledger) -> None:
    entry = entry_of(tmp_path, {"email": {"to": "a@example.com", "relay": "news"}})
    with pytest.raises(ConfigError, match=r"relay 'news' sends to people: say who writes, by `from` or BP_MAIL_FROM"):
        delivering(tmp_path, ledger, BP_RELAY_NEWS="smtp://127.0.0.1:2525").deliver(entry, [made(tmp_path)])
    assert ledger.deliveries.of_report("daily") == []


def test_a_relay_that_is_not_there_is_found_before_it_is_needed(tmp_path: Path) -> None:
    entry = entry_of(tmp_path, {"email": {"to": "a@example.com", "relay": "nowhere"}})
    ((path, why),) = unknown_relays(entry, {}, tmp_path / "data")
    assert path == ("deliver", 0, "email", "relay")
    assert why.startswith("there is no relay 'nowhere'")


def test_without_a_server_links_are_paths(tmp_path: Path) -> None:
    settings = load_settings({"BP_HOME": str(tmp_path)}, tmp_path)
    assert link_of({}, settings, made(tmp_path).manifest, "daily.pdf").endswith(
        "/data/reports/daily/2013-01-15/abc/daily.pdf"
    )


def test_a_template_that_names_nothing_known_is_refused_before_anything_is_sent(tmp_path: Path, ledger: Ledger) -> None:
    entry = entry_of(tmp_path, {"email": {"to": "a@example.com", "subject": "{{ nobody }}"}})
    with pytest.raises(ConfigError, match="nobody"):
        delivering(tmp_path, ledger).deliver(entry, [made(tmp_path)])
    assert ledger.deliveries.of_report("daily") == []
