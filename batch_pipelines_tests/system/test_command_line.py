"""The command line from a project's root: Dagster's own commands, and `bp`, each as typed in a new shell."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.core.model import ChunkState
from batch_pipelines_tests.system.commands import JOB_EXECUTE, LIMIT_S, execute_job, run
from batch_pipelines_tests.system.small_project import (
    MONTHS,
    PROGRAMS,
    ROOT,
    SAMPLES,
    SmallProject,
    environment,
    make_project,
)

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

EXAMPLE = ROOT / "examples" / "process_data.yaml"
BIG = "2013-07"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> SmallProject:
    return make_project(tmp_path_factory.mktemp("project"))


def test_job_execute_processes_what_the_example_asks_for(project: SmallProject) -> None:
    done = execute_job(project.home, EXAMPLE)
    assert done.returncode == 0, done.stdout
    lines = [line.partition(" - dagster - ")[2] for line in done.stdout.splitlines() if " - dagster - " in line]
    assert lines[-1].endswith("flights/2013-02: 300 read, 289 written, 11 dead-lettered")
    assert all(line.startswith("INFO - process_data - ") for line in lines), done.stdout
    assert project.rows(*MONTHS) == project.good_rows("2013-01", "2013-02")


def test_job_execute_of_a_wrong_config_ends_with_one_clear_line(project: SmallProject) -> None:
    config = project.home / "wrong.yaml"
    config.write_text("dataste: flights\n")
    done = execute_job(project.home, config)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("run config: unknown key 'dataste'; did you mean 'dataset'?")


def test_ctrl_c_ends_a_run_keeps_what_is_done_and_the_next_run_does_the_rest(project: SmallProject) -> None:
    project.source(BIG).write_bytes((SAMPLES / f"flights-{BIG}.csv.gz").read_bytes())
    config = project.home / "big.yaml"
    config.write_text(f'partitions: ["{BIG}"]\nchunk_size: 32KB\n')
    with executing(project, str(config)) as process:
        assert process.stdout
        assert any("items · " in line for line in process.stdout)  # the first line of progress
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait(LIMIT_S) == 1
    assert "stopped: what is committed is kept" in said
    before = done_chunks(project)
    assert before

    assert execute_job(project.home, config).returncode == 0
    after = done_chunks(project)
    assert len(before) < len(after)
    assert before.items() <= after.items()
    assert project.rows(BIG) == project.good_rows(BIG)


def test_definitions_validate(project: SmallProject) -> None:
    done = run(project.home, "dagster", "definitions", "validate")
    assert done.returncode == 0, done.stdout
    assert "All code locations passed validation" in done.stdout


def test_dg_check_defs() -> None:
    venv = str(PROGRAMS.parent)  # as run.py and an activated shell have it: dg asks for it
    done = run(ROOT, "dg", "check", "defs", DAGSTER_DISABLE_TELEMETRY="yes", VIRTUAL_ENV=venv)
    assert done.returncode == 0, done.stdout
    assert "All definitions loaded successfully" in done.stdout


def test_asset_materialize_of_one_partition(project: SmallProject) -> None:
    where = ["-m", "batch_pipelines.definitions", "--partition", "2013-03"]
    done = run(project.home, "dagster", "asset", "materialize", *where, "--select", "flights,flights_dead_letters")
    assert done.returncode == 0, done.stdout
    assert project.rows("2013-03") == project.good_rows("2013-03")


def test_a_backfill_of_the_year_is_one_run(project: SmallProject) -> None:
    done = run(project.home, "bp", "backfill", "flights", "--from", "2013-01", "--to", "2013-12")
    assert done.returncode == 0, done.stdout
    listed = run(project.home, "dagster", "run", "list", "--limit", "100", DAGSTER_HOME=str(project.home)).stdout
    assert listed.count("flights_job") == 1, listed
    assert project.rows(*MONTHS) == project.good_rows(*MONTHS)


@contextmanager
def executing(project: SmallProject, config: str) -> "Iterator[subprocess.Popen[str]]":
    """`dagster job execute` while it runs, with Ctrl-C as a terminal has it."""
    process = subprocess.Popen(
        [str(PROGRAMS / "dagster"), *JOB_EXECUTE, config],
        cwd=project.home,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one system call
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def done_chunks(project: SmallProject) -> dict[int, int]:
    """Epoch by index of the big month's committed chunks."""
    ledger = open_ledger(f"sqlite:///{project.data / 'ledger.db'}")
    try:
        batch = next(each for each in ledger.batches.of_pipeline("flights") if each.partition == BIG)
        return {each.index: each.epoch for each in ledger.chunks.of_batch(batch.id) if each.state is ChunkState.DONE}
    finally:
        ledger.close()
