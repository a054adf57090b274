"""Imported by the fork server before it forks workers: the modules they share, and the server's own death wish.

Nothing of Dagster, pandas or DuckDB may come in here: each would cost every worker memory and start-up time.
"""

import gc
import os
import signal
import sys

from batch_pipelines.core.workers import entry
from batch_pipelines.core.workers.guard import PARENT, die_with_parent
from batch_pipelines.core.workers.memory import keep_freed_memory

__all__ = ["entry"]

if sys.argv[:1] == ["-c"] and "multiprocessing.forkserver" in sys.modules:  # only ever true inside the fork server
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us, too; multiprocessing sees to it only later
    die_with_parent(parent=int(os.environ.get(PARENT, os.getppid())))
    keep_freed_memory()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a worker a core; and more are begun when numpy is imported
    gc.disable()  # imports leave nothing behind
    os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)  # what is shared stays so: a worker's marks copy it
