"""Our whole way: an occurrence from the ledger, with claims, journal, settlements; and the letters of the others."""

import json
from pathlib import Path

from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.core.settings import load_settings
from benchmarks.campaigns import letters
from benchmarks.campaigns.sinks import running_sink
from benchmarks.campaigns.stopwatch import measured
from benchmarks.measure import Json

CAMPAIGN = {
    "from": letters.SENDER,
    "subject": letters.SUBJECT,
    "template": "letter.html",
    "text": "letter.txt",
    "audience": {"file": "people.jsonl"},
    "limits": {"connections": 1},
    "unsubscribe": "https://news.example.com/u",
}


def send(job: Json) -> Json:
    """Send an occurrence that is prepared, on one connection; preparing it is told apart."""
    home = _deployment(Path(job["folder"]) / "home", job["count"], ascii_only=job["ascii"])
    with running_sink(job) as (host, port):
        relay = f"smtp://{host}:{port}?tls=none&connections=1&messages_per_connection={job['count'] + 1}"
        environ = {"BP_HOME": str(home), "BP_DEFS": str(home / "defs"), "BP_RELAY_DEFAULT": relay}
        campaigns = Campaigns(load_settings(environ, home), environ)
        occurrence = None

        def prepare() -> int:
            nonlocal occurrence
            occurrence = campaigns.prepare("news", None)
            return occurrence.total

        prepared = measured(job["count"], prepare)
        if occurrence is None:
            raise TypeError("nothing was prepared")
        found = occurrence
        result = measured(job["count"], lambda: campaigns.send(found.id).figures["sent"])
        campaigns.close()
    return {**result, "prepare_cpu_us": prepared["cpu_us"]}


def _deployment(home: Path, count: int, *, ascii_only: bool) -> Path:
    folder = home / "defs" / "news"
    folder.mkdir(parents=True)
    document = {"type": "batch_pipelines.components.Campaign", "attributes": CAMPAIGN}
    (folder / "defs.yaml").write_text(json.dumps(document), encoding="utf-8")
    (folder / "letter.html").write_text(letters.HTML, encoding="utf-8")
    (folder / "letter.txt").write_text(letters.TEXT, encoding="utf-8")
    with (home / "people.jsonl").open("w", encoding="utf-8") as file:
        for number, context in enumerate(letters.contexts(count, ascii_only=ascii_only)):
            file.write(json.dumps({"email": letters.address(number), **context}) + "\n")
    return home
