"""Celery: groups of empty tasks, two prefork workers, results in Valkey.

Valkey keeps all of it in memory only (no append-only file): faster for Celery, and not durable.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batch_pipelines_tests.servers import valkey_server
from benchmarks.engine.celery_tasks import URL
from benchmarks.measure import Json, PeerFailed

WORKERS = 2
GROUP = 1000
PATIENCE_S = 60


def run(job: Json) -> Json:
    """Run groups until the time is over; the last one is finished."""
    with valkey_server() as url:
        os.environ[URL] = url
        with _worker(Path(job["folder"])):
            return _groups(job["seconds"])


def _groups(seconds: float) -> Json:
    from celery import group  # noqa: PLC0415  the tasks look for their broker when they are imported

    from benchmarks.engine.celery_tasks import app, nothing  # noqa: PLC0415

    app.conf.update(broker_url=os.environ[URL], result_backend=os.environ[URL])
    if nothing.delay(0).get(timeout=PATIENCE_S) != 1:  # the worker is up
        raise PeerFailed("the worker does not answer")
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        answers = group(nothing.s(number) for number in range(GROUP)).apply_async().get(timeout=PATIENCE_S)
        if sum(answers) != GROUP:
            raise PeerFailed(f"{sum(answers)} of {GROUP} tasks answered")
        done += GROUP
    took = time.perf_counter() - began
    return {"done": done, "seconds": took, "per_s": done / took}


@contextmanager
def _worker(folder: Path) -> Iterator[None]:
    argv = [sys.executable, "-m", "celery", "-A", "benchmarks.engine.celery_tasks:app", "worker"]
    argv += ["-c", str(WORKERS), "--pool", "prefork", "--loglevel", "WARNING"]
    with (folder / "worker.txt").open("wb") as log:
        worker = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "C_FORCE_ROOT": "1"})
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(PATIENCE_S)
