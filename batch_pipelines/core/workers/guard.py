"""No orphans. A worker dies with its parent, and everything that it started dies with the worker.

Linux: the kernel sends a signal when a parent dies (PR_SET_PDEATHSIG). It is set in the fork server and in each
worker; each then looks whether its parent had already died. User code may start processes of its own: they are of
the worker's process group, and a small warden process, forked by the worker, kills that group when the worker ends.
Elsewhere than on Linux a worker notices a dead parent only when it asks for its next task.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PARENT = "_BATCH_POOL_OWNER"  # environment variable: pid of the process that starts a fork server


def die_with_parent(number: signal.Signals = signal.SIGKILL, *, parent: int) -> None:
    """Have the kernel send `number` to this process when its parent dies; end now if it is dead already.

    Args:
        number: The signal.
        parent: Pid of the parent that began this process. (It may well be 1, in a container.)
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def guard_worker() -> None:
    """Make this worker the head of a process group that dies with it, and let it die with its parent."""
    parent = os.getppid()
    if parent == 1:  # never the fork server's pid: it has died already
        os.kill(os.getpid(), signal.SIGKILL)
    os.setpgid(0, 0)
    die_with_parent(parent=parent)
    worker = os.getpid()
    if sys.platform == "linux" and os.fork() == 0:
        _stand_guard(worker)


def _stand_guard(worker: int) -> None:
    """The warden: waits for the worker's end, then kills its process group, itself included."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    os.closerange(3, 4096)
    die_with_parent(signal.SIGTERM, parent=worker)
    signal.sigwait({signal.SIGTERM})
    os.killpg(worker, signal.SIGKILL)
    os._exit(0)
