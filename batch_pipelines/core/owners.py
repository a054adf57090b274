"""Who holds a lease, and whether that process still lives. No clocks of two machines are ever compared.

An owner names itself by machine boot (and pid namespace, so that containers don't mistake each other's pids),
pid and process start. An owner of this boot whose process is gone is gone at once. Any other is taken for gone
after the watcher has itself seen the owner's renewal counter stand still for `STILL_S`.
"""

import os
import select
import signal
import socket
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from batch_pipelines.core.clock import Clock

RENEW_EVERY_S = 5.0
STOP_AFTER_S = 20.0  # an owner that has not renewed for so long stops before its next commit
END_WITHIN_S = 5.0
STILL_S = 30.0  # a watcher that has seen no renewal for so long takes the owner for gone


@dataclass(frozen=True, slots=True)
class Owner:
    """One lane (or other holder of leases) of one process."""

    id: str
    host: str
    boot: str
    pid: int
    started: str


@dataclass(frozen=True, slots=True)
class OwnerState:
    """An owner as the ledger shows it. `owner` is None when its row is no longer there."""

    id: str
    owner: Owner | None
    counter: int


def new_owner() -> Owner:
    """A new owner in this process."""
    pid = os.getpid()
    return Owner(id=uuid.uuid4().hex, host=socket.gethostname(), boot=_boot(), pid=pid, started=_started(pid) or "")


class LeaseWatch:
    """Watches other owners' renewal counters and says which of them are gone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    def gone(self, states: Iterable[OwnerState]) -> set[str]:
        """Ids of those of `states` whose leases may be taken over now."""
        return {state.id for state in states if self._is_gone(state)}

    def _is_gone(self, state: OwnerState) -> bool:
        if state.owner is None or _process_is_gone(state.owner):
            return True
        now = self._clock.monotonic()
        counter, since = self._seen.get(state.id, (None, now))
        if counter != state.counter:
            self._seen[state.id] = (state.counter, now)
            return False
        return now - since >= STILL_S


def is_of_this_boot(owner: Owner) -> bool:
    """Whether an owner's process is, or was, one of this machine since it was started."""
    return owner.boot == _boot()


def end_process(owner: Owner, *, patience_s: float = END_WITHIN_S) -> bool:
    """Kill the process of an owner of this boot, if it is verifiably still that process; wait until it is dead.

    Returns:
        Whether it is dead. False: it is this very process, or it does not die.
    """
    if _process_is_gone(owner):
        return True
    if owner.pid == os.getpid() or not hasattr(os, "pidfd_open"):
        return False
    try:
        handle = os.pidfd_open(owner.pid)
    except ProcessLookupError:
        return True
    try:
        if _process_is_gone(owner):  # the handle is of whoever has that pid now
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(patience_s * 1000))
    except (ProcessLookupError, PermissionError):
        return _process_is_gone(owner)
    finally:
        os.close(handle)


def _process_is_gone(owner: Owner) -> bool:
    return owner.boot == _boot() and _started(owner.pid) != owner.started


def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # no /proc (macOS): the host stands for its boot
        return f"{socket.gethostname()}/{uuid.getnode():x}"


def _started(pid: int) -> str | None:
    """When process `pid` began (clock ticks since boot), or None if it is not alive (a zombie is not)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _alive_without_proc(pid)
    return None if fields[0] in "ZX" else fields[19]


def _alive_without_proc(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return ""
    return ""
