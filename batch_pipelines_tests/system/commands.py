"""Commands in a project's home, as typed in a new shell."""

import subprocess
from pathlib import Path

from batch_pipelines_tests.system.small_project import PROGRAMS, environment

LIMIT_S = 100
JOB_EXECUTE = ("job", "execute", "-m", "batch_pipelines.definitions", "-j", "process_data", "-c")


def run(home: Path, program: str, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run one of the installed programs to its end; stderr is part of stdout, as on a terminal."""
    return subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=home,
        env=environment(COLUMNS="80", **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def execute_job(home: Path, config: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """`dagster job execute` of process_data."""
    return run(home, "dagster", *JOB_EXECUTE, str(config), **environ)
