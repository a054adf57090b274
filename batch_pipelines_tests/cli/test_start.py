"""The first moments of `bp`, before there are commands that could answer for themselves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

BP = Path(sys.executable).with_name("bp")
SLOW = "print('loading', flush=True)\ninput()\nraise SystemExit('loaded')\n"


def begun(folder: Path, *before: str) -> "subprocess.Popen[str]":
    """`bp env`, while it loads what its commands need: the first of that waits for a line."""
    (folder / "typer.py").write_text(SLOW)
    process = subprocess.Popen(
        [*before, str(BP), "env"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one system call
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    return process


def test_ctrl_c_while_it_loads_is_one_line(tmp_path: Path) -> None:
    process = begun(tmp_path)
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=20) == ("", "stopped\n")
    assert process.returncode == 130


def test_who_ignores_ctrl_c_is_not_stopped_by_it(tmp_path: Path) -> None:
    process = begun(tmp_path, "bash", "-c", 'trap "" INT; exec "$@"', "bash")
    process.send_signal(signal.SIGINT)

    assert process.communicate("\n", timeout=20) == ("", "loaded\n")
