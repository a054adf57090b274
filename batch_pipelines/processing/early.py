"""The process that workers come from, begun before the rest of the program is loaded: either takes half a second.

Imports next to nothing. What must not live here: anything that has to read a declaration.
"""

import os
import re
import threading
from pathlib import Path

from batch_pipelines.core.workers.local import start_fork_server

WORKER_MODULES = ("batch_pipelines.processing.working.chunk",)
SQL_MODULES = ("pandas", "duckdb")  # DuckDB imports pandas as soon as it is shown a table
_SQL = re.compile(rb"\b(derive|where|transform)\s*:")


def worker_modules(*, sql: bool) -> tuple[str, ...]:
    """What the fork server imports once for all workers, of whatever dataset: it can't be told more later.

    Args:
        sql: Whether any dataset has expressions or a transform.
    """
    return (*WORKER_MODULES, *(SQL_MODULES if sql else ()))


def expect_work(defs: Path) -> None:
    """Begin the process that forks workers, if this is the main thread, which it must not outlive.

    For programs that are going to process something: call it first, import `processing.pipeline` after it.

    Args:
        defs: The folder of the declarations; only looked through for the words that need SQL.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing computes with it, but it waits for work on every core
    if threading.current_thread() is threading.main_thread():
        start_fork_server(worker_modules(sql=any(_SQL.search(file.read_bytes()) for file in defs.rglob("*.yaml"))))
