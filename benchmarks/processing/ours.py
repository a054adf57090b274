"""Us: plan, work with two worker processes, settle, publish to a Delta table, review. Everything fsynced."""

from pathlib import Path

from batch_pipelines.core.settings import Settings
from batch_pipelines.processing.pipeline import Overrides, Processing
from benchmarks.measure import Json, PeerFailed
from benchmarks.processing.rules import YAML_OF_SUPPLIERS, yaml_of_lineitems

WORKERS = 2


def prepare(job: Json) -> Json:
    """Before the clock runs: the declarations, and the table of suppliers that others have as a file."""
    home = Path(job["folder"])
    for name, text in (
        ("lineitems", yaml_of_lineitems(job.get("file", "lineitems.csv"))),
        ("suppliers", YAML_OF_SUPPLIERS),
    ):
        (home / "defs" / name).mkdir(parents=True)
        (home / "defs" / name / "defs.yaml").write_text(text, encoding="utf-8")
    for name in (job.get("file", "lineitems.csv"), "suppliers.csv"):
        (home / name).hardlink_to(Path(job["input"]) / name)
    processing = _processing(home)
    processing.run("suppliers")
    processing.close()
    return {}


def run(job: Json) -> Json:
    """Process the file."""
    processing = _processing(Path(job["folder"]))
    planning = processing.plan("lineitems")
    processing.work(planning.batch_ids, overrides=Overrides(workers=WORKERS))
    (report,) = processing.review(planning.batch_ids)
    processing.close()
    if not report.ok:
        raise PeerFailed(report.message)
    return {"read": report.counts.items, "written": report.rows, "dead": report.dead_letters}


def _processing(home: Path) -> Processing:
    data = home / "data"
    settings = Settings(home=home, data=data, ledger_url=f"sqlite:///{data / 'ledger.db'}", defs=home / "defs")
    return Processing(settings)
