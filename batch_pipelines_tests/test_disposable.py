"""Temporary folders: nothing is left of them, whatever becomes of a test run."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from batch_pipelines_tests.processes import eventually

ROOT = Path(__file__).parents[1]
PROGRAM = """
import os, pathlib, signal, sys
from batch_pipelines_tests.disposable import disposable_folder

made = disposable_folder("bp-", pathlib.Path(sys.argv[1]))
(made / "a" / "b").mkdir(parents=True)
(made / "a" / "b" / "file").write_text("x")
print("made", made.is_dir(), flush=True)
os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("number", [0, signal.SIGTERM, signal.SIGKILL])
def test_a_folder_goes_with_the_process_that_made_it(tmp_path: Path, number: int) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path), str(int(number))]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)

    assert (done.stdout, done.returncode) == ("made True\n", -number)
    eventually(lambda: not [*tmp_path.iterdir()])


def test_what_tests_and_their_children_leave_in_the_temporary_folder_goes_with_the_run() -> None:
    assert Path(tempfile.gettempdir()).name.startswith("bp-tests-")
    assert os.environ["TMPDIR"] == tempfile.gettempdir()
