"""Our whole way: an occurrence from the ledger, with claims, journal, settlements; and the letters of the others."""

import json
import multiprocessing
import time
from collections.abc import Mapping
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from batch_pipelines.campaigns.pipeline import Campaigns
from batch_pipelines.core.settings import load_settings
from benchmarks.campaigns import letters
from benchmarks.campaigns.sinks import running_sink
from benchmarks.measure import Json

STARTS_WITHIN_S = 60.0
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
    """Send an occurrence that is prepared: `lanes` processes, as Dagster's steps are, of one connection each."""
    home, lanes = _deployment(Path(job["folder"]) / "home", job["count"], ascii_only=job["ascii"]), job["lanes"]
    with running_sink(job) as (host, port):
        relay = f"smtp://{host}:{port}?tls=none&connections={lanes}&messages_per_connection={job['count'] + 1}"
        environ = {"BP_HOME": str(home), "BP_DEFS": str(home / "defs"), "BP_RELAY_DEFAULT": relay}
        campaigns = _campaigns(home, environ)
        occurrence = campaigns.prepare("news", None)
        wall_s, cpu_s = _sent_by_lanes(lanes, home, environ, occurrence.id)
        said = campaigns.review(occurrence.id).figures["sent"]
        campaigns.close()
    return {"said": said, "cpu_us": cpu_s / job["count"] * 1e6, "per_s": job["count"] / wall_s}


def _sent_by_lanes(lanes: int, home: Path, environ: Mapping[str, str], occurrence_id: int) -> tuple[float, float]:
    """Seconds from when all lanes are ready until the last has ended, and their CPU seconds in between."""
    context = multiprocessing.get_context("spawn")
    ready, cpu_s = context.Barrier(lanes + 1, timeout=STARTS_WITHIN_S), context.Queue()
    arguments = (home, environ, occurrence_id, ready, cpu_s)
    processes = [context.Process(target=_lane, args=arguments) for _ in range(lanes)]
    for process in processes:
        process.start()
    ready.wait()
    began_at = time.perf_counter()
    spent_s = sum(cpu_s.get() for _ in processes)
    wall_s = time.perf_counter() - began_at
    for process in processes:
        process.join()
    return wall_s, spent_s


def _lane(home: Path, environ: Mapping[str, str], occurrence_id: int, ready: Barrier, cpu_s: "Queue[float]") -> None:
    campaigns = _campaigns(home, environ)
    campaigns.composer(campaigns.occurrence("news", None))  # what it needs is imported: programs start unmeasured
    ready.wait()
    began_at = time.process_time()
    campaigns.send(occurrence_id)
    cpu_s.put(time.process_time() - began_at)
    campaigns.close()


def _campaigns(home: Path, environ: Mapping[str, str]) -> Campaigns:
    return Campaigns(load_settings(environ, home), environ)


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
