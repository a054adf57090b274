"""A process that forks on request: everything is imported once, and no thread was ever started in it.

A process that has used Arrow, DuckDB or Delta, or runs a server's log reader, has threads that a fork would lose; a
test process has done all that. So children are forked from here. Requests come as lines of JSON, answers go back so:

    {"fork": {"act", "arguments", "folder", "fault", "plants"}}  →  {"pid", "answer": file}
    {"wait": pid, "stopped": bool}                               →  {"status"}, of an end or of a stop

A child arms `core.faults`, plants what it is told to (mutants.py), does one act (acts.py) and writes its answer to a
file. All are killed when the requests end. What must not live here: what is sensible to ask for (forks.py).
"""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

import pyarrow.dataset

from batch_pipelines.core import faults
from batch_pipelines.processing.rows import expressions
from batch_pipelines_tests.system import acts, mutants

HUNG_S = 60
PRELOADED = (pyarrow.dataset,)


def serve() -> None:
    """Answer requests until there are no more."""
    _ask_duckdb_for_all()
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "fork" in request:
            said = _fork(**request["fork"])
            children.add(said["pid"])
        else:
            said = {"status": _wait(request["wait"], stopped=request["stopped"])}
            if not os.WIFSTOPPED(said["status"]):
                children.discard(request["wait"])
        print(json.dumps(said), flush=True)  # noqa: T201
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _ask_duckdb_for_all() -> None:
    """Have one child find out what all others would, each for itself: which functions DuckDB has."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, json.dumps([sorted(names) for names in expressions._functions()]).encode())  # noqa: SLF001
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        changing, aggregates = map(frozenset, json.load(answer))
    os.waitpid(pid, 0)
    vars(expressions)["_functions"] = lambda: (changing, aggregates)


def _fork(act: str, arguments: list[str], folder: str, fault: str, plants: list[str]) -> dict[str, Any]:
    assert threading.active_count() == 1
    answer = Path(folder) / f"answer-{len(list(Path(folder).glob('answer-*')))}"
    answer.touch()
    pid = os.fork()
    if pid == 0:
        _be(act, [Path(text) for text in arguments], answer, fault, plants)
    return {"pid": pid, "answer": str(answer)}


def _be(act: str, arguments: list[Path], answer: Path, fault: str, plants: list[str]) -> NoReturn:
    code = 9
    try:
        acts.log_chunks(answer.parent)
        for plant in plants:
            getattr(mutants, plant)()
        passed = faults.count_points()
        if fault:
            faults.arm(fault)
        said = getattr(acts, act)(*arguments)
        answer.write_text(json.dumps(dict(passed) if said is None else said))
        code = 0
    except BaseException:  # noqa: BLE001  told to whoever asked
        answer.write_text(traceback.format_exc())
    os._exit(code)


def _wait(pid: int, *, stopped: bool) -> int:
    """The status of a child that has ended, or stopped. One that hangs is killed."""

    def kill(_number: int, _frame: object) -> None:
        os.kill(pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.alarm(HUNG_S)
    try:
        return os.waitpid(pid, os.WUNTRACED if stopped else 0)[1]
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    serve()
