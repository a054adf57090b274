"""Dagster: mapped steps on an instance with SQLite, in runs of as many steps as the job asks for."""

import time
from pathlib import Path

from dagster import DagsterInstance, execute_job, reconstructable

from benchmarks.engine import dagster_job
from benchmarks.measure import Json, PeerFailed


def run(job: Json) -> Json:
    """Execute runs until the time is over; the last one is finished."""
    made = {"multiprocess": dagster_job.multiprocess, "in_process": dagster_job.in_process}[job["executor"]]
    done, began = 0, time.perf_counter()
    with DagsterInstance.from_config(_home(Path(job["folder"]))) as instance:
        while time.perf_counter() - began < job["seconds"]:
            config = {"ops": {"listed": {"config": {"count": job["steps"]}}}}
            with execute_job(reconstructable(made), instance=instance, run_config=config) as result:
                if not result.success or result.output_for_node("collected") != job["steps"]:
                    raise PeerFailed("the run failed")
            done += job["steps"]
    took = time.perf_counter() - began
    return {"done": done, "seconds": took, "per_s": done / took}


def _home(folder: Path) -> str:
    """An instance's folder; Dagster's own storage, on SQLite."""
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    return str(folder)
