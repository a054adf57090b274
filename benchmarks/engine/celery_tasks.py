"""The Celery application of the benchmark; broker and results are on the Valkey that the environment names."""

import os

from celery import Celery

URL = "BP_BENCHMARK_VALKEY"

app = Celery("benchmarks", broker=os.environ.get(URL), backend=os.environ.get(URL))
app.conf.update(task_serializer="json", result_serializer="json", worker_hijack_root_logger=False)


@app.task(name="benchmarks.nothing")  # type: ignore[untyped-decorator]
def nothing(number: int) -> int:
    """Do nothing, and account for one item."""
    del number
    return 1
