"""Looking at other processes: who carries a mark in its environment, who is alive, and waiting for it."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

PATIENCE_S = 15.0
LOOK_EVERY_S = 0.02


def eventually(holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Look until it holds; an assertion fails if it never does."""
    pause = Event()
    for _ in range(int(patience_s / LOOK_EVERY_S)):
        if holds():
            return
        pause.wait(LOOK_EVERY_S)
    assert holds()


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def marked(name: str, value: str) -> list[int]:
    """Living processes whose environment, as they were started, has `name=value`; forks have their parent's."""
    wanted = f"{name}={value}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                environ = (folder / "environ").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if wanted in environ and is_alive(int(folder.name)):
                found.append(int(folder.name))
    return found


def parent_of(pid: int) -> int | None:
    """The parent of a process, None if that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
