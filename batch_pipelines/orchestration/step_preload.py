"""Imported by the fork server of Dagster's executor, before it forks steps: it shall die with the run's process.

The steps keep its lifeline open (they inherit it), so after a SIGKILL of the run it would live on, and they with it.
"""

import os
import sys

from batch_pipelines.core.workers.guard import die_with_parent

if sys.argv[:1] == ["-c"] and "multiprocessing.forkserver" in sys.modules:  # only ever true inside a fork server
    die_with_parent(parent=os.getppid())
