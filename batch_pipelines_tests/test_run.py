"""run.py: what it needs, which tool it calls, and when it installs. Not: the tools themselves."""

import ast
import fcntl
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = (ROOT / "run.py").read_text()


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """run.py as a module whose repository is an empty folder."""
    spec = spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ROOT, module.BIN = tmp_path, tmp_path / ".venv" / "bin"
    module.PYTHON = str(module.BIN / "python")
    module.LOCK, module.STAMP = tmp_path / "requirements.lock", tmp_path / ".venv" / "stamp"
    module.LOCK.write_text("a==1 \\\n    --hash=sha256:00\nuv==2 \\\n    --hash=sha256:01\nuvicorn==3\n")
    (tmp_path / "pyproject.toml").write_text("")
    module.BIN.mkdir(parents=True)
    return module


@pytest.fixture
def steps(run: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an installation did, in order; each step succeeds."""
    done: list[str] = []

    def step(what: str, _argv: list[str], **_more: object) -> bool:
        done.append(what)
        return True

    monkeypatch.setattr(run, "step", step)
    return done


def test_it_needs_the_standard_library_only() -> None:
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}

    assert "subprocess" in names
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == set()


def test_an_old_python_can_read_it_and_so_say_what_is_wrong() -> None:
    ast.parse(SOURCE, feature_version=(3, 7))


def test_a_python_too_old_and_alone_is_refused_in_one_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 18))
    monkeypatch.setenv("PATH", "")

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 to 3\.14\. This is 3\.9\.18"):
        run.find_python()


def test_a_python_too_old_hands_over_to_a_newer_one_on_path(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = tmp_path / "python3.12"
    newer.write_text("#!/bin/sh\nexit 0\n")
    newer.chmod(0o755)
    started: list[list[str]] = []
    monkeypatch.setattr(run.sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(run.sys, "argv", ["run.py", "demo"])
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")

    def execv(_program: str, argv: list[str]) -> None:
        started.append(argv)
        raise SystemExit

    monkeypatch.setattr(run.os, "execv", execv)
    with pytest.raises(SystemExit):
        run.find_python()

    assert started == [[str(newer), str(tmp_path / "run.py"), "demo"]]


def test_without_a_verb_it_lists_them_and_installs_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "run.py"
    copy.write_text(SOURCE)

    said = subprocess.run([sys.executable, copy], check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    assert "python3 run.py demo" in said
    assert sorted(tmp_path.iterdir()) == [copy]


def test_verbs_it_does_not_know_go_to_bp_with_their_arguments(run: Any) -> None:
    assert run.command("query", ["select 1"]) == [str(run.BIN / "bp"), "query", "select 1"]


def test_arguments_of_test_go_to_pytest_last_so_that_they_win(run: Any) -> None:
    assert run.command("test", ["-n", "0"])[-2:] == ["-n", "0"]


def test_an_installation_is_made_once(run: Any, steps: list[str]) -> None:
    run.install()
    first = list(steps)
    run.install()

    assert first == [*first[:1], "install uv", "install requirements.lock", "install batch_pipelines"]
    assert first[0].startswith("make .venv with Python 3.")
    assert steps == first


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_an_installation_is_renewed_when_what_it_rests_on_changes(
    run: Any, steps: list[str], tmp_path: Path, changed: str
) -> None:
    run.install()
    before = len(steps)
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")
    run.install()

    assert len(steps) > before


def test_an_installation_that_broke_off_is_taken_up_again(
    run: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill: Callable[[], None] = run.fill_venv

    def broken() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "fill_venv", broken)
    with pytest.raises(KeyboardInterrupt):
        run.install()
    monkeypatch.setattr(run, "fill_venv", fill)
    run.install()

    assert steps[-1] == "install batch_pipelines"


def test_what_uv_cannot_do_pip_does(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def step(_what: str, argv: list[str], **_more: object) -> bool:
        calls.append(argv)
        return argv[0] == str(run.PYTHON)

    monkeypatch.setattr(run, "step", step)
    run.fill_venv()

    tools = ["uv" if argv[0].endswith("uv") else "pip" for argv in calls]
    assert tools == ["pip", "uv", "pip", "uv", "pip"]
    assert all("--require-hashes" in argv for argv in calls[:3])


def test_of_the_lock_only_uv_itself_is_installed_by_pip(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs: list[object] = []

    def step(_what: str, _argv: list[str], **more: object) -> bool:
        inputs.append(more.get("input"))
        return True

    monkeypatch.setattr(run, "step", step)
    run.fill_venv()

    assert inputs == ["uv==2      --hash=sha256:01\n", None, None]


def test_when_nothing_can_be_installed_it_ends_with_an_error(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "step", lambda *_a, **_k: False)

    with pytest.raises(SystemExit, match="call again"):
        run.fill_venv()


def test_a_venv_made_in_another_place_is_made_anew(run: Any, steps: list[str]) -> None:
    (run.BIN / "pip").write_text("#!/elsewhere/.venv/bin/python\n")

    run.make_venv("3.11.7")

    assert steps == ["make .venv with Python 3.11.7"]


def test_two_callers_at_once_install_once(
    run: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(run, "print", lambda line, **_more: said.put(line), raising=False)
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    second = threading.Thread(target=run.install, daemon=True)
    second.start()
    assert said.get(timeout=30) == "waiting for another run.py that installs"
    assert steps == []
    os.close(other)
    second.join(30)

    assert steps[-1] == "install batch_pipelines"


def test_ctrl_c_while_it_waits_is_one_line(tmp_path: Path) -> None:
    for name in ("run.py", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    waiting = subprocess.Popen(
        [sys.executable, tmp_path / "run.py", "env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one system call
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "waiting for another run.py that installs\n"
    waiting.send_signal(signal.SIGINT)
    said = waiting.communicate(timeout=30)[1]
    os.close(other)

    assert (said, waiting.returncode) == ("stopped\n", 130)


def test_a_finished_installation_costs_next_to_nothing(run: Any, steps: list[str]) -> None:
    run.install()
    steps.clear()

    started = time.perf_counter()
    run.install()

    assert time.perf_counter() - started < 0.1
    assert steps == []


def test_the_summary_fails_if_one_check_fails(
    run: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "BIN", Path("/bin"))
    monkeypatch.setattr(run, "CHECKS", (("good", ["echo", "all well"]), ("bad", ["sh", "-c", "echo broken; exit 3"])))

    assert run.check() == 1
    first, second, *details = capsys.readouterr().out.splitlines()
    assert first.split()[:2] == ["good", "ok"]
    assert first.endswith("all well")
    assert second.split()[:2] == ["bad", "FAILED"]
    assert details[0] == "broken"
