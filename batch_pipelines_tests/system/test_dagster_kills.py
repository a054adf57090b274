"""`dagster job execute` of process_data, killed again and again at random moments and launched anew."""

import os
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.lake.delta import files_at, load
from batch_pipelines_tests.processes import eventually, marked
from batch_pipelines_tests.system.commands import JOB_EXECUTE, execute_job
from batch_pipelines_tests.system.small_project import MONTHS, PROGRAMS, SmallProject, environment, make_project

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

SEED = 5
KILLS = 5
CONFIG = "dataset: flights\nchunk_size: 4KB\n"
MARK = "BP_SWEEP_MARK"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return make_project(tmp_path_factory.mktemp("project"), rows=250)


@contextmanager
def launched(home: Path, config: Path, mark: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`dagster job execute`, everything of it marked."""
    argv = [str(PROGRAMS / "dagster"), *JOB_EXECUTE, str(config)]
    run = subprocess.Popen(argv, cwd=home, env=environment(**{MARK: mark}), stderr=subprocess.DEVNULL)
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def parts(project: SmallProject) -> int:
    """Parts of flights that workers have written."""
    return len(list((project.data / "datasets" / "flights").glob("*/*.parquet")))


def test_killed_run_processes_leave_nothing_behind_and_the_last_run_completes_the_table(
    project: SmallProject, tmp_path: Path
) -> None:
    print(f"seed {SEED}")  # noqa: T201
    dice, pause = random.Random(SEED), Event()
    config = tmp_path / "process_data.yaml"
    config.write_text(CONFIG)
    for n in range(KILLS):
        mark, before = f"bp-{os.getpid()}-{n}", parts(project)
        with launched(project.home, config, mark) as run:
            until = before + (dice.randint(1, 4) if n else 0)
            while parts(project) < until:
                assert run.poll() is None, "it came to its end before it was killed"
                pause.wait(0.01)
            pause.wait(dice.uniform(0, 0.1) if n else dice.uniform(0.5, 2))  # the first: while Dagster starts
            assert run.poll() is None, "it came to its end before it was killed"
            run.send_signal(signal.SIGKILL)
        eventually(lambda mark=mark: not marked(MARK, mark))  # type: ignore[misc]
    done = execute_job(project.home, config)
    assert done.returncode == 0, done.stdout
    assert project.rows(*MONTHS) == project.good_rows(*MONTHS)
    assert project.count() == len(project.good_rows(*MONTHS))
    assert owners(project) == {None}
    assert written_in_vain(project) <= KILLS * (os.cpu_count() or 1)


def written_in_vain(project: SmallProject) -> int:
    """Parts that the table does not hold: chunks that were done more than once (no flight is there twice)."""
    path = project.data / "datasets" / "flights"
    table = load(path)
    assert table is not None
    return parts(project) - len(files_at(path, table.version()))


def owners(project: SmallProject) -> set[str | None]:
    """Who holds chunks of flights."""
    ledger = open_ledger(f"sqlite:///{project.data / 'ledger.db'}")
    batches = ledger.batches.of_pipeline("flights")
    held = {chunk.owner for batch in batches for chunk in ledger.chunks.of_batch(batch.id)}
    ledger.close()
    return held
