"""Us: plan, work with two worker processes, settle, publish to a Delta table, review. Everything fsynced."""

from pathlib import Path
from typing import TYPE_CHECKING

from batch_pipelines.processing.early import expect_work
from benchmarks.measure import Json, PeerFailed
from benchmarks.processing.rules import YAML_OF_SUPPLIERS, yaml_of_lineitems

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

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
    """Process the file, as `bp process` does: workers are begun first, and load beside this process."""
    home = Path(job["folder"])
    expect_work(home / "defs")
    from batch_pipelines.processing.pipeline import Overrides  # noqa: PLC0415

    processing = _processing(home)
    planning = processing.plan("lineitems")
    processing.work(planning.batch_ids, overrides=Overrides(workers=WORKERS))
    (report,) = processing.review(planning.batch_ids)
    processing.close()
    if not report.ok:
        raise PeerFailed(report.message)
    return {"read": report.counts.items, "written": report.rows, "dead": report.dead_letters}


def _processing(home: Path) -> "Processing":
    from batch_pipelines.core.settings import Settings  # noqa: PLC0415  see `run`
    from batch_pipelines.processing.pipeline import Processing  # noqa: PLC0415

    data = home / "data"
    settings = Settings(home=home, data=data, ledger_url=f"sqlite:///{data / 'ledger.db'}", defs=home / "defs")
    return Processing(settings)
